// What the installed client can ask a server for, read from its own source.
import { readdirSync, readFileSync } from 'node:fs';

export interface ClientOperation {
  /** Class and function: `Application.create`. */
  name: string;
  method: string;
  /** As the client has it: `/api/v1/app/{app_id}`. */
  path: string;
}

const folder = new URL('../../../../node_modules/svix/src/api/', import.meta.url);
const token =
  /export class (\w+)|public (?:async )?(\w+)\s*\(|new SvixRequest\(\s*HttpMethod\.(\w+),\s*["'`]([^"'`]+)["'`]/g;

function operationsOf(source: string): ClientOperation[] {
  const operations: ClientOperation[] = [];
  let className = '';
  let functionName = '';
  for (const [, classStart, functionStart, method, path] of source.matchAll(token)) {
    className = classStart ?? className;
    functionName = functionStart ?? functionName;
    if (method && path) operations.push({ name: `${className}.${functionName}`, method, path });
  }
  return operations;
}

/** Every function of the client that sends a request, by the order of its files. */
export function clientOperations(): ClientOperation[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  return files.toSorted().flatMap((file) => operationsOf(readFileSync(new URL(file, folder), 'utf8')));
}

/** Of the product that moves streams, which is not webhooks. */
export function isStreaming({ name }: ClientOperation): boolean {
  return /^Streaming|\.stream[A-Z]|StreamPoller/.test(name);
}
