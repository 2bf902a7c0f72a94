/**
 * How the author's imports are found and read: as the platform's bundler would.
 *
 * Hooks of `node:module` stand before Deno's own loader, so that names made at run time
 * pass through them like any other, and nothing is written or scanned before the start.
 * Deno finds files and packages and strips types; here are the aliases of tsconfig.json,
 * files that are no code, and the words for a package that is not there.
 */
import * as modules from "node:module";

/** What the project says about its imports. */
export interface Resolution {
  /** Pattern with at most one `*` -> paths to try, each with the same `*`. */
  paths: [pattern: string, targets: string[]][];
  /** The folder that bare names are looked for in before packages are. */
  base: string | null;
  /** Names that are modules of ours. */
  own: Record<string, string>;
}

interface Resolving {
  parentURL?: string;
  conditions: string[];
  importAttributes?: Record<string, string>;
}

interface Loading {
  importAttributes?: Record<string, string>;
}

interface Found {
  url: string;
  shortCircuit?: boolean;
  format?: string;
}

interface Source {
  source: unknown;
  format?: string;
  shortCircuit?: boolean;
}

interface Hooks {
  resolve(
    name: string,
    context: Resolving,
    next: (name: string, context: Resolving) => Found,
  ): Found;
  load(url: string, context: Loading, next: (url: string, context: Loading) => Source): Source;
}

const MODULES = "/node_modules/";
const CODE = /\.[cm]?[jt]sx?$|\.json$|\.node$|\.wasm$/;
const ENDINGS = [".ts", ".tsx", ".mts", ".js", ".mjs", ".jsx", ".json"];
const INDEX = ENDINGS.slice(0, -1).map((ending) => `/index${ending}`);
const TYPED: Record<string, string[]> = {
  ".js": [".ts", ".tsx"],
  ".mjs": [".mts"],
  ".jsx": [".tsx"],
};
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

const files = { stat: Deno.statSync, bytes: Deno.readFileSync, text: Deno.readTextFileSync };
const assets = new Map<string, Kind>();

/** A file that is no code: how it is read, and the ending that says so. */
type Kind = (url: URL) => unknown;

const text: Kind = (url) => files.text(url);
const KINDS: Record<string, Kind> = {
  ".json": (url) => json(files.text(url), url),
  ".txt": text,
  ".html": text,
  ".sql": text,
  ".bin": (url) => files.bytes(url).buffer,
  ".wasm": (url) => new WebAssembly.Module(files.bytes(url)),
};

/** What the file of an asset's module holds: its source asks for it here. */
export function valueOf(url: string): unknown {
  return assets.get(url)!(new URL(url));
}

/** Let every import from now on go through `resolution`; `loaded` hears of each file. */
export function installLoading(resolution: Resolution, loaded: (url: string) => void): void {
  const { registerHooks } = modules as unknown as { registerHooks(hooks: Hooks): void };
  const finder = new Finder(resolution);
  registerHooks({
    resolve(name, context, next) {
      if (!context.conditions.includes("import")) return next(name, context);
      const found = finder.find(name, context, next);
      const kind = context.importAttributes?.type ? undefined : kindOf(found.url);
      if (!kind) return found;
      // A mark of its own, since a `require` of the same file reads it in Node's way.
      const url = new URL(found.url);
      url.searchParams.append("asset", "");
      assets.set(url.href, kind);
      return { url: url.href, shortCircuit: true };
    },
    load(url, context, next) {
      if (url.startsWith("file:") && !url.includes(MODULES)) loaded(url);
      if (assets.has(url)) {
        return { source: moduleOf(url), format: "module", shortCircuit: true };
      }
      // What a package requires: Deno would run it as code, for it passes through here.
      if (url.endsWith(".json") && !context.importAttributes?.type) {
        return { source: files.text(new URL(url)), format: "json", shortCircuit: true };
      }
      return next(url, context);
    },
  });
}

class Finder {
  constructor(private readonly resolution: Resolution) {}

  find(
    name: string,
    context: Resolving,
    next: (name: string, context: Resolving) => Found,
  ): Found {
    const parent = context.parentURL ?? "";
    const own = this.resolution.own[name];
    if (own) return { url: own, shortCircuit: true };
    const relative = name.startsWith(".") || name.startsWith("/");
    const named = !relative && !SCHEME.test(name);
    const authored = parent.startsWith("file:") && !parent.includes(MODULES);
    const alias = authored && named ? this.alias(name) : undefined;
    if (alias) return { url: alias, shortCircuit: true };
    if (relative && !authored && parent.startsWith("file:") && !CODE.test(name)) {
      const file = probe(new URL(name, parent));
      if (file) return { url: file, shortCircuit: true };
    }
    if (name.startsWith("cloudflare:")) {
      throw missing(`The module "${name}" does not exist locally`, name, parent);
    }
    if (name.startsWith("node:") && !modules.isBuiltin(name)) {
      throw missing(`No such module "${name}"`, name, parent);
    }
    const found = next(name, context);
    // What Deno cannot find it takes for a path.
    if (named && found.url === URL.parse(name, parent)?.href) {
      throw missing(`Cannot find the package "${packageOf(name)}"`, name, parent);
    }
    if (relative && authored && isGone(found.url)) {
      throw missing(`Cannot find the file "${name}"`, name, parent);
    }
    return found;
  }

  /** The file that tsconfig.json means by `name`. */
  private alias(name: string): string | undefined {
    for (const [pattern, targets] of this.resolution.paths) {
      const matched = match(pattern, name);
      if (matched === undefined) continue;
      for (const target of targets) {
        const file = probe(fileUrl(target.replace("*", () => matched)));
        if (file) return file;
      }
      break;
    }
    const { base } = this.resolution;
    return base === null ? undefined : probe(fileUrl(`${base}/${name}`));
  }
}

/** What `*` stands for when `pattern` is `name`. */
function match(pattern: string, name: string): string | undefined {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === name ? "" : undefined;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  const fits = name.length >= head.length + tail.length && name.startsWith(head) &&
    name.endsWith(tail);
  return fits ? name.slice(head.length, name.length - tail.length) : undefined;
}

/** The file at `url`, its ending left out or that of the compiled code. */
function probe(url: URL): string | undefined {
  const { href, search } = url;
  const path = search ? href.slice(0, -search.length) : href;
  const ending = path.match(/\.[a-z]+$/)?.[0] ?? "";
  const typed = (TYPED[ending] ?? []).map((each) => path.slice(0, -ending.length) + each);
  const candidates = [path, ...typed, ...[...ENDINGS, ...INDEX].map((each) => path + each)];
  const found = candidates.find(isFile);
  return found && found + search;
}

function isFile(url: string): boolean {
  try {
    return files.stat(new URL(url)).isFile;
  } catch {
    return false;
  }
}

/** Whether there is no such file; one that must not be looked at is no such case. */
function isGone(url: string): boolean {
  try {
    files.stat(new URL(url));
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

function fileUrl(path: string): URL {
  const url = new URL("file:///");
  url.pathname = path.replaceAll("%", "%25");
  return url;
}

function kindOf(url: string): Kind | undefined {
  if (!url.startsWith("file:")) return undefined;
  const { pathname } = new URL(url);
  return KINDS[pathname.slice(pathname.lastIndexOf("."))];
}

/** The code of a module whose default export is the asset; JSON's names are exported too. */
function moduleOf(url: string): string {
  const lines = [
    `import { valueOf } from ${JSON.stringify(import.meta.url)};`,
    `const value = valueOf(${JSON.stringify(url)});`,
    "export default value;",
  ];
  if (new URL(url).pathname.endsWith(".json")) {
    const value = valueOf(url);
    const names = typeof value === "object" && value && !Array.isArray(value)
      ? Object.keys(value).filter((name) => name !== "default" && name.isWellFormed())
      : [];
    names.forEach((name, at) => {
      const quoted = JSON.stringify(name);
      lines.push(`const at${at} = value[${quoted}]; export { at${at} as ${quoted} };`);
    });
  }
  return lines.join("\n");
}

function json(source: string, url: URL): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    url.search = "";
    throw new SyntaxError(`${(error as Error).message} in ${url.href}:1`);
  }
}

/** What cannot be imported, and where it is asked for, as far as the text shows. */
function missing(what: string, name: string, parent: string): Error {
  const error = new Error(`${what}, imported in ${parent}:${lineOf(name, parent)}`);
  return Object.assign(error, { code: "ERR_MODULE_NOT_FOUND" });
}

function packageOf(name: string): string {
  const [first, second] = name.split("/");
  return name.startsWith("@") && second ? `${first}/${second}` : first;
}

function lineOf(name: string, parent: string): number {
  try {
    const lines = files.text(new URL(parent)).split("\n");
    const quoted = [`"${name}"`, `'${name}'`];
    const at = lines.findIndex((line) =>
      /import|from|export/.test(line) && quoted.some((each) => line.includes(each))
    );
    return at < 0 ? 1 : at + 1;
  } catch {
    return 1;
  }
}
