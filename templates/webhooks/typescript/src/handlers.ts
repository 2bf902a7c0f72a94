/**
 * What to do about each type of event: one function and one case in `handlerOf`.
 *
 * A function returns a line for `GET /events`. Whatever it throws, it is called again later; and
 * since it may have got half-way, calling it twice must do no harm.
 */

type Handler = (payload: unknown, env: Env) => string | Promise<string>;

/** What is to be done about an event; nothing when its type is none of ours. */
export function handlerOf(provider: string, type: string): Handler | undefined {
  switch (`${provider} ${type}`) {
    case "stripe payment_intent.succeeded":
      return paid;
    case "github push":
      return pushed;
    case "github ping":
      return greeted;
  }
}

function paid(payload: unknown): string {
  const { data } = payload as {
    data: { object: { id: string; amount: number; currency: string } };
  };
  const { id, amount, currency } = data.object;
  return `${id}: ${amount} ${currency} (smallest unit)`;
}

function pushed(payload: unknown): string {
  const { ref, commits, repository } = payload as {
    ref: string;
    commits: unknown[];
    repository: { full_name: string };
  };
  const plural = commits.length === 1 ? "" : "s";
  return `${commits.length} commit${plural} to ${ref} of ${repository.full_name}`;
}

/** GitHub's first event, when a webhook is made. */
function greeted(payload: unknown): string {
  return (payload as { zen: string }).zen;
}
