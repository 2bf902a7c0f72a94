/** `console`, whose lines keep their level and belong to the invocation that said them. */
import { Console } from "node:console";
import { formatWithOptions } from "node:util";
import { cleaned } from "./errors.ts";
import { current, OUTSIDE } from "./invocation.ts";

export type Say = (invocation: number, level: string, message: string) => void;

const PLAIN = { colors: false };
const LEVELS = { log: "info", info: "info", debug: "debug", warn: "warning" };

/** Let every method of `console` go through `say`. */
export function installConsole(say: Say): void {
  const tell = (level: string, message: string) => say(current()?.id ?? OUTSIDE, level, message);
  const whole = collecting((text) => tell("info", text));
  const target = console as unknown as Record<string, unknown>;
  for (const name of ["table", "dir", "dirxml", "count", "countReset"]) {
    target[name] = whole[name].bind(whole);
  }
  for (const name of ["time", "timeLog", "timeEnd"]) {
    target[name] = whole[name].bind(whole);
  }
  let indent = "";
  const line = (level: string, args: unknown[]) => {
    const text = formatWithOptions(PLAIN, ...args);
    tell(level, indent ? text.replace(/^/gm, indent) : text);
  };
  for (const [name, level] of Object.entries(LEVELS)) {
    target[name] = (...args: unknown[]) => line(level, args);
  }
  target.error = (...args: unknown[]) => line("error", args);
  target.trace = (...args: unknown[]) => {
    const trace = { stack: "" };
    Error.captureStackTrace(trace, target.trace as () => void);
    const frames = cleaned(trace.stack).replace(/^.*?(?=\n|$)/, "");
    line("debug", [`Trace: ${formatWithOptions(PLAIN, ...args)}${frames}`]);
  };
  target.assert = (condition?: unknown, ...args: unknown[]) => {
    if (!condition) line("error", ["Assertion failed", ...args]);
  };
  target.group = target.groupCollapsed = (...args: unknown[]) => {
    if (args.length) line("info", args);
    indent += "  ";
  };
  target.groupEnd = () => {
    indent = indent.slice(2);
  };
}

/** A console that hands over what it writes, without the last line break. */
function collecting(
  said: (text: string) => void,
): Record<string, (...args: unknown[]) => void> {
  const sink = {
    write: (text: string) => {
      said(text.replace(/\n$/, ""));
      return true;
    },
    on: () => sink,
    once: () => sink,
    removeListener: () => sink,
    listenerCount: () => 0,
  };
  return new Console(sink as never) as never;
}
