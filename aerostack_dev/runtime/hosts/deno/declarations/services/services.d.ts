/**
 * Another function of the project. Every name but `fetch` is a method of its class;
 * `env.AUTH as unknown as ServiceMethods<Auth>` gives those the types of the class.
 */
interface Service {
  /** Send a request; the response's body is streamed. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  // deno-lint-ignore no-explicit-any
  [method: string]: (...args: any[]) => Promise<any>;
}

/** The methods of a class, as another function calls them. */
type ServiceMethods<Entrypoint> = {
  [Name in keyof Entrypoint]: Entrypoint[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};
