/**
 * The time of the author's `Date`, where it is not the machine's: in tests, and while the
 * server's clock is moved. Until then `Date` is left as it is.
 */

/** `still`: it stands at this time. `ahead`: so far from the machine's. In milliseconds. */
export type Time = ["still" | "ahead", number];

const machine = Date.now;
let time: Time = ["ahead", 0];
let installed = false;

/** Show this time from here on. */
export function setTime(shown: Time): void {
  time = shown;
  if (!installed) install();
}

function now(): number {
  const [how, milliseconds] = time;
  return Math.floor(how === "still" ? milliseconds : machine() + milliseconds);
}

function install(): void {
  installed = true;
  Date.now = now;
  const moved = new Proxy(Date, {
    construct: (date, given, made) => Reflect.construct(date, given.length ? given : [now()], made),
    apply: (date) => String(new date(now())),
  });
  Date.prototype.constructor = moved;
  globalThis.Date = moved;
}
