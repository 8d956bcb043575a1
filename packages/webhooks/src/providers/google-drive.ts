import { googlePush } from '../provider/google-push.ts';
import type { Provider } from '../provider/provider.ts';

export const googleDrive: Provider<'google-drive'> = googlePush({
  name: 'google-drive',
  title: 'Google Drive push notifications',
  docs: 'https://developers.google.com/workspace/drive/api/guides/push',
});
