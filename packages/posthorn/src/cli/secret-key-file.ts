// The encryption key of an embedded installation, kept in the data directory.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { secretKey } from '../config-parsers.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import { ensureOwnerFile } from './owner-file.ts';

const fileName = 'secret-key';
const keyBytes = 32;

/** The 32 bytes in `<dataDir>/secret-key`, made now when the file is missing. Throws `CliError` when it is damaged. */
export async function ensureSecretKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, fileName);
  const parsed = secretKey(
    await ensureOwnerFile(path, () => randomBytes(keyBytes).toString('base64')),
    dataDir,
  );
  if (parsed.ok) return parsed.value;
  throw new CliError(
    exitCodes.usage,
    'invalid_configuration',
    `the secret key in ${path} is ${parsed.reason}`,
    {
      fix: 'restore the file from a backup; a new key cannot open what the old one sealed',
    },
  );
}
