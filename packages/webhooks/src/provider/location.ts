// Where a value stands in a request, as rows write it.

/**
 * Where a value stands in a request. `header:` names are lower-case; `body:` is a path into the JSON body, its steps
 * parted by full stops (`body:data.object.id`, `body:events.0.id`), `form:` a field of a form body, `query:` a parameter of
 * the URL, and `pair:` a key of the signature header itself (`pair:t` of `t=1,v1=ab`). `item:` is a path into one event of
 * a batch. `const:` is the text that follows.
 */
export type Location = `${'header' | 'body' | 'form' | 'query' | 'pair' | 'item' | 'const'}:${string}`;
