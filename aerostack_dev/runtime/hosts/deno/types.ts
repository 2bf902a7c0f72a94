/** What `@cloudflare/workers-types` is at run time: nothing, whether installed or not. */
export {};
