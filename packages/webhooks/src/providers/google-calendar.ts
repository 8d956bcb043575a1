import { googlePush } from '../provider/google-push.ts';
import type { Provider } from '../provider/provider.ts';

export const googleCalendar: Provider<'google-calendar'> = googlePush({
  name: 'google-calendar',
  title: 'Google Calendar push notifications',
  docs: 'https://developers.google.com/workspace/calendar/api/guides/push',
});
