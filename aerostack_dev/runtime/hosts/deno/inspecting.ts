/** Lets a debugger in, at a port that one child after the other holds. */

const RETRY_MS = 50;

let wanted = false;

/** Open `port` on loopback, as soon as the child before this one has left it. */
export async function inspect(port: number): Promise<void> {
  // Imported here: only who debugs pays for it.
  const inspector = await import("node:inspector");
  wanted = true;
  while (wanted) {
    try {
      inspector.open(port, "127.0.0.1");
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    }
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

/** Leave the port to the next child; whoever debugs this one is sent away. */
export async function uninspect(): Promise<void> {
  wanted = false;
  (await import("node:inspector")).close();
}
