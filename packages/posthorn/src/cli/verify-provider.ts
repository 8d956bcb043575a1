// `posthorn verify --provider`: the verdict on a saved request of any provider, and after a refusal the cause.
import { diagnoseRefusal, readEvents, verifyRequest } from '@posthorn/webhooks/provider';
import type { DiagnoseOptions, ProviderEvent } from '@posthorn/webhooks/provider';
import { providers } from '@posthorn/webhooks/providers/all';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { findProvider } from './find-provider.ts';
import { writeJson } from './io.ts';
import type { Io } from './io.ts';
import { readClock, readTolerance } from './verify.ts';
import type { VerifyOptions } from './verify.ts';
import { readSavedRequest, readSecrets, readSettings, requestMaxBytes } from './webhook-input.ts';

/** Prints one JSON object, with or without --json: a verdict is for programs as much as for people. */
export async function runVerifyProvider(
  options: VerifyOptions & { provider: string },
  io: Io,
): Promise<ExitCode> {
  const provider = findProvider(options.provider);
  const tolerance = readTolerance(options.tolerance);
  const verification: DiagnoseOptions = {
    secrets: provider.secret.madeBy === 'nobody' ? [] : readSecrets(options, io),
    now: readClock(options.at),
    settings: readSettings(options.setting),
    bodyMaxBytes: requestMaxBytes,
    others: providers.values(),
    ...(tolerance === undefined ? {} : { toleranceSeconds: tolerance }),
  };
  const { url, ...rest } = await readSavedRequest(options, io);
  const request = url === undefined ? rest : { ...rest, url };
  const verdict = await verifyRequest(provider, request, verification);
  if (verdict.ok) {
    const events = readEvents(provider, request).map(withoutPayload);
    writeJson(io, { ...verdict, provider: provider.name, events });
    return exitCodes.ok;
  }
  const diagnosis = await diagnoseRefusal(provider, request, verification, verdict);
  writeJson(io, { ...verdict, provider: provider.name, diagnosis });
  return exitCodes.failure;
}

function withoutPayload(event: ProviderEvent): Omit<ProviderEvent, 'payload'> {
  const { payload: _, ...rest } = event;
  return rest;
}
