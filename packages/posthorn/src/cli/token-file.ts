// The API token of a development installation: made once, so that curl lines and scripts outlive a restart.
import { join } from 'node:path';
import { generateTokenText } from '../store/tokens.ts';
import { ensureOwnerFile } from './owner-file.ts';

const fileName = 'token';

export function ensureDevToken(dataDir: string): Promise<string> {
  return ensureOwnerFile(join(dataDir, fileName), generateTokenText);
}
