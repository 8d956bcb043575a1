// `posthorn apply`: brings a server to what posthorn.yaml says, and tells what that is before it does it.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { createApiClient } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { readApplyDocument } from './apply-document.ts';
import { planApply } from './apply-plan.ts';
import type { Step } from './apply-plan.ts';
import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findServer } from './find-server.ts';
import { writeNote, writeResult } from './io.ts';
import type { Io } from './io.ts';

export interface ApplyOptions {
  dryRun?: boolean;
  server?: string;
  token?: string;
}

const requestTimeoutMs = 30_000;
export const ingestPath = '/ingest/api/v1';
const mark = { create: '+', update: '~', keep: '=' } as const;
const colour = { create: 'green', update: 'yellow', keep: 'dim' } as const;

export async function runApply(
  file: string,
  options: ApplyOptions,
  config: Config,
  io: Io,
): Promise<ExitCode> {
  const { serverUrl, token } = await findServer(options, config, io);
  const api = createApiClient({ serverUrl, token, requestTimeoutMs, basePath: ingestPath });
  const steps = await applyFile(file, api, io, options.dryRun ?? false);
  const count = steps.filter(({ action }) => action !== 'keep').length;
  const text = options.dryRun ? `${count} changes, none of them made` : `${count} changes made`;
  writeResult(io, text, {
    applied: options.dryRun !== true,
    plan: steps.map(({ action, what, changes }) => ({ action, what, changes })),
  });
  return exitCodes.ok;
}

/** Tells the plan, and does it unless it is only to be seen. Resolves with it. */
export async function applyFile(file: string, api: ApiClient, io: Io, isDry: boolean): Promise<Step[]> {
  const path = resolve(io.cwd, file);
  const references = { env: io.env, folder: dirname(path) };
  const sources = await readApplyDocument(await readText(path, file), { file, ...references });
  const steps = await planApply(api, sources);
  for (const step of steps) writeNote(io, lineOf(step, io));
  if (isDry) return steps;
  for (const step of steps) await done(step);
  return steps;
}

async function readText(path: string, file: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    throw usageError(`${file} cannot be read (${String(code)})`, 'name a readable YAML file');
  }
}

function lineOf({ action, what, changes }: Step, io: Io): string {
  const line = `${mark[action]} ${what}${changes.length === 0 ? '' : `: ${changes.join(', ')}`}`;
  return io.paint(colour[action], line);
}

async function done(step: Step): Promise<void> {
  try {
    await step.run();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(error.exitCode, error.code, `${step.what}: ${error.message}`, {
      ...(error.fix === undefined ? {} : { fix: error.fix }),
      cause: error,
    });
  }
}
