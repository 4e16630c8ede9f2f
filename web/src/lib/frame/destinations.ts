// The places the rail and the palette lead to, by who is looking.

import Bell from '@lucide/svelte/icons/bell';
import BookOpen from '@lucide/svelte/icons/book-open';
import ClipboardCheck from '@lucide/svelte/icons/clipboard-check';
import KeyRound from '@lucide/svelte/icons/key-round';
import LayoutGrid from '@lucide/svelte/icons/layout-grid';
import LogIn from '@lucide/svelte/icons/log-in';
import MonitorSmartphone from '@lucide/svelte/icons/monitor-smartphone';
import Settings2 from '@lucide/svelte/icons/settings-2';
import Store from '@lucide/svelte/icons/store';
import User from '@lucide/svelte/icons/user';
import type { Component } from 'svelte';
import { t } from '#lib/messages/messages.ts';

export type Destination = { href: string; label: string; icon: Component<{ size?: number | string; class?: string }> };

type Who = {
  signedIn: boolean;
  reviewer: boolean;
  admin: boolean /** Also what the account menu has. */;
  all?: boolean;
};

export function destinations({ signedIn, reviewer, admin, all = false }: Who): Destination[] {
  return [
    ...(signedIn ? [{ href: '/apps', label: t.nav.apps, icon: LayoutGrid }] : []),
    { href: '/store', label: t.nav.store, icon: Store },
    ...(reviewer ? [{ href: '/reviews', label: t.nav.reviews, icon: ClipboardCheck }] : []),
    ...(signedIn ? [{ href: '/keys', label: t.nav.keys, icon: KeyRound }] : []),
    ...(admin ? [{ href: '/admin', label: t.nav.admin, icon: Settings2 }] : []),
    { href: '/docs/findings', label: t.nav.docs, icon: BookOpen },
    ...(all && signedIn
      ? [
          { href: '/profile', label: t.nav.profile, icon: User },
          { href: '/settings/notifications', label: t.nav.notifications, icon: Bell },
          { href: '/device', label: t.nav.device, icon: MonitorSmartphone },
        ]
      : []),
    ...(all && !signedIn ? [{ href: '/sign-in', label: t.nav.signIn, icon: LogIn }] : []),
  ];
}
