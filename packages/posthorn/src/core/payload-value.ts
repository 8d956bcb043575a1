// What filters and templates see of a payload, which need not be JSON.

const decoder = new TextDecoder();
const formType = /^application\/x-www-form-urlencoded\b/i;

/** The fields of a form are a map of texts, and what is neither that nor JSON is a text. JSON unless the type is given. */
export function payloadValue(payload: Uint8Array, contentType: string | undefined): unknown {
  const text = decoder.decode(payload);
  if (contentType !== undefined && formType.test(contentType)) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
