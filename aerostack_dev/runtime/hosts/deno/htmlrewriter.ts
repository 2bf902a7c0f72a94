/** `HTMLRewriter`, on the parser of the npm package that the author's project installs. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";
import { BODY_USED } from "./web.ts";

const PACKAGE = "html-rewriter-wasm";
const ABSENT = `HTMLRewriter needs the npm package ${PACKAGE}, which the project does not have. ` +
  `Install it: npm install --save-dev ${PACKAGE}`;

type Handlers = Record<string, unknown>;

interface Rewriter {
  on(selector: string, handlers: Handlers): void;
  onDocument(handlers: Handlers): void;
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<void>;
  free(): void;
}

interface Package {
  HTMLRewriter: new (sink: (chunk: Uint8Array) => void) => Rewriter;
}

/** The class, for the project whose module is `main`; the package is read by its first use. */
function htmlRewriterFor(main: string): unknown {
  const require = createRequire(main);

  return class HTMLRewriter {
    #parser: Package["HTMLRewriter"] = load(require).HTMLRewriter;
    #handlers: ((rewriter: Rewriter) => void)[] = [];

    on(selector: string, handlers: Handlers): this {
      // A selector that is wrong is told here, at the line that has it.
      const trial = new this.#parser(() => {});
      try {
        trial.on(selector, handlers);
      } finally {
        trial.free();
      }
      this.#handlers.push((rewriter) => rewriter.on(selector, handlers));
      return this;
    }

    onDocument(handlers: Handlers): this {
      this.#handlers.push((rewriter) => rewriter.onDocument(handlers));
      return this;
    }

    transform(response: Response): Response {
      if (!(response instanceof Response)) {
        throw new TypeError(
          "Failed to execute 'transform' on 'HTMLRewriter': parameter 1 is not of type 'Response'.",
        );
      }
      if (response.bodyUsed) throw new TypeError(BODY_USED);
      if (response.body === null) return new Response(null, response);
      const body = response.body.pipeThrough(rewriting(this.#parser, this.#handlers));
      const rewritten = new Response(body, response);
      rewritten.headers.delete("content-length");
      return rewritten;
    }
  };
}

function load(require: NodeJS.Require): Package {
  try {
    return require(PACKAGE);
  } catch (error) {
    throw new Error(ABSENT, { cause: error });
  }
}

/** A stream through a rewriter with these handlers, which run in the invocation of now. */
function rewriting(
  parser: Package["HTMLRewriter"],
  handlers: ((rewriter: Rewriter) => void)[],
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  const within = AsyncLocalStorage.snapshot();
  let rewriter: Rewriter;
  const step = async (work: () => Promise<void>) => {
    try {
      await within(work);
    } catch (error) {
      rewriter.free();
      throw error;
    }
  };
  return new TransformStream({
    start(controller) {
      // The bytes are the parser's own memory: they are copied.
      rewriter = new parser((chunk) => {
        if (chunk.byteLength) controller.enqueue(chunk.slice());
      });
      for (const add of handlers) add(rewriter);
    },
    transform: (chunk) => step(() => rewriter.write(chunk)),
    async flush() {
      await step(() => rewriter.end());
      rewriter.free();
    },
  });
}

/** Put `HTMLRewriter` into the globals. */
export function installHtmlRewriter(main: string): void {
  Object.defineProperty(globalThis, "HTMLRewriter", {
    value: htmlRewriterFor(main),
    configurable: true,
    writable: true,
  });
}
