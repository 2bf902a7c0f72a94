/** `FormData` and `formData()` with the platform's behaviour. */
const READABLE = ["multipart/form-data", "application/x-www-form-urlencoded"];
const NO_TYPE = "Parsing a Body as FormData requires a Content-Type header.";
const OTHER_TYPE = "Unrecognized Content-Type header value. FormData can only parse the " +
  `following MIME types: ${READABLE.join(", ")}`;
const NO_BOUNDARY = "No boundary string in Content-Type header. The multipart/form-data MIME " +
  "type requires a boundary parameter, e.g. 'Content-Type: multipart/form-data; " +
  'boundary="abcd"\'. See RFC 7578, section 4.';
const TRUNCATED = "No initial boundary string (or you have a truncated message).";

/** Why a body of this content type is no form; null if it may be one. */
function unreadable(type: string | null): string | null {
  if (type === null) return NO_TYPE;
  const [essence] = type.toLowerCase().split(";");
  if (!READABLE.includes(essence.trim())) return OTHER_TYPE;
  if (essence.trim() === READABLE[0] && !/;\s*boundary=/i.test(type)) return NO_BOUNDARY;
  return null;
}

/** The form in a body, read by `native`. */
export async function readForm(
  body: Request | Response,
  native: () => Promise<FormData>,
): Promise<FormData> {
  const type = body.headers.get("content-type");
  const refusal = unreadable(type);
  if (refusal) throw new TypeError(refusal);
  return await unnamed(
    await native.call(body).catch((error) => {
      throw error?.message === "Unable to parse body as form data"
        ? new TypeError(TRUNCATED)
        : error;
    }),
  );
}

/** A part whose file has no name, such as an input that was left empty, is a text. */
async function unnamed(form: FormData): Promise<FormData> {
  const entries = [...form];
  if (!entries.some(([, value]) => value instanceof File && !value.name)) return form;
  const found = new FormData();
  for (const [name, value] of entries) {
    found.append(name, value instanceof File && !value.name ? await value.text() : value);
  }
  return found;
}

/** A blob without a name of its own gets that of its field. */
export function installForms(): void {
  for (const method of ["append", "set"] as const) {
    const native = FormData.prototype[method] as (...args: unknown[]) => void;
    Object.defineProperty(FormData.prototype, method, {
      configurable: true,
      writable: true,
      value(this: FormData, ...args: unknown[]) {
        const [name, value, file] = args;
        const nameless = value instanceof Blob && !(value instanceof File) && file === undefined;
        return native.apply(this, nameless ? [name, value, name] : args);
      },
    });
  }
}
