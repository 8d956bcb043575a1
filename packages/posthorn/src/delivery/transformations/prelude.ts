// What runs inside the sandbox around a user's code. It takes what it needs of the globals before that code can change
// them; what it gives back is looked at by the host all the same.

/** Gives `{ open, close, explain }`. Host: `emit(line)`. */
export const prelude = `
((emit, lineMaxChars) => {
  const { parse, stringify } = JSON;
  const { String, TypeError } = globalThis;
  const slice = Function.prototype.call.bind(String.prototype.slice);
  const includes = Function.prototype.call.bind(String.prototype.includes);
  const join = Function.prototype.call.bind(Array.prototype.join);
  const map = Function.prototype.call.bind(Array.prototype.map);
  const shown = (value) => {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return String(value);
    try { return stringify(value) ?? String(value); } catch { return String(value); }
  };
  const write = (...values) => emit(slice(join(map(values, shown), ' '), 0, lineMaxChars));
  globalThis.console = { log: write, info: write, warn: write, error: write, debug: write };
  let before;
  return {
    open(payload, isText, url, eventType, variables) {
      const value = isText ? payload : parse(payload);
      before = isText ? payload : stringify(value);
      return { method: 'POST', url, payload: value, eventType, headers: {}, variables: parse(variables), cancel: false };
    },
    close(webhook, isText) {
      if (typeof webhook !== 'object' || webhook === null) {
        throw new TypeError('handler must return the webhook, and returned ' + (webhook === null ? 'null' : typeof webhook));
      }
      const { method = 'POST', url, payload, headers, cancel } = webhook;
      const body = isText && typeof payload === 'string' ? payload : stringify(payload);
      if (body === undefined && cancel !== true) throw new TypeError('the payload of the webhook is not JSON');
      if (isText && includes(body, '\\0')) throw new TypeError('the payload of the webhook contains U+0000');
      const isSame = body === before;
      const envelope = stringify({ method, url, headers: headers ?? {}, cancel: cancel === true, isSame });
      return { envelope, body: isSame || cancel === true ? '' : body };
    },
    explain(error) {
      if (!(error instanceof Error)) return shown(error);
      return error.name + ': ' + error.message + '\\u0001' + error.stack;
    },
  };
})`;

/** Defines `handler` for a JSONata expression; the library's source runs before it. */
export const jsonataHandler = `
((jsonata, code) => {
  let expression;
  try {
    expression = jsonata(code);
  } catch (error) {
    throw new SyntaxError(error.message + (error.position === undefined ? '' : ' (at character ' + error.position + ')'));
  }
  return async (webhook) => {
    const { eventType, url, variables } = webhook;
    let result;
    try {
      result = await expression.evaluate(webhook.payload, { eventType, url, variables });
    } catch (error) {
      throw error instanceof Error ? error : new Error(error.message);
    }
    if (result === undefined) throw new TypeError('the expression gave nothing for this payload');
    webhook.payload = result;
    return webhook;
  };
})`;
