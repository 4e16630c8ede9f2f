/** Owns the policy references a new installation begins with. Admins change them as a setting; nothing else reads this list. */

/** One rule that a decision can refer to. */
export interface PolicyRule {
  /** Short and stable: what decisions store. */
  readonly code: string;
  readonly title: string;
  /** What the rule asks for, and what would keep it; shown to developers. */
  readonly text: string;
}

export const DEFAULT_POLICY_RULES: readonly PolicyRule[] = [
  {
    code: 'SECURITY-1',
    title: 'Malware and harm',
    text: 'An app must not harm the device, its user or others: no viruses, no mining, no attacks on other systems, no way around the permissions of Mosis.',
  },
  {
    code: 'SECURITY-2',
    title: 'Hidden or changing code',
    text: 'Everything the app runs must be in the package and readable. It must not load, decode or build code at run time, and its source must not be made unreadable on purpose.',
  },
  {
    code: 'SECURITY-3',
    title: 'Secrets in the package',
    text: 'Passwords, private keys and access tokens do not belong in a package: everybody can read it. Keep them on your server and end the ones that were shipped.',
  },
  {
    code: 'PRIVACY-1',
    title: 'Data about people',
    text: 'Collect only what the app needs for what it says it does, say in the description what is collected and why, and ask before it leaves the device.',
  },
  {
    code: 'PRIVACY-2',
    title: 'Seeing and deleting kept data',
    text: 'People must be able to see what the app keeps about them and delete it, from a screen of the app.',
  },
  {
    code: 'PERMISSION-1',
    title: 'Permission without need',
    text: 'Each permission must serve something a user can see and do in the app. Remove those that nothing needs, and say in the release notes what a new one is for.',
  },
  {
    code: 'NETWORK-1',
    title: 'Use of the network',
    text: 'Connect only to hosts that the app needs and that its description names or explains, over HTTPS, and work or say so clearly when there is no connection.',
  },
  {
    code: 'LISTING-1',
    title: 'Misleading listing',
    text: 'Name, icon, description and screenshots must show what the app does. No claims it does not keep, no unrelated search words, no ratings or prices in the name.',
  },
  {
    code: 'LISTING-2',
    title: 'Impersonation',
    text: 'Do not pass for another app, person or organisation: no name, icon or wording that could be taken for theirs without their leave.',
  },
  {
    code: 'QUALITY-1',
    title: 'Does not start or does not work',
    text: 'The app must start on the oldest Mosis version it names, and what it offers must work. Say how to reproduce what the reviewer saw, and mend it.',
  },
  {
    code: 'QUALITY-2',
    title: 'Too little of its own',
    text: 'An app must do something of use by itself. A template with another name, a copy of an app, or a single link is not enough.',
  },
  {
    code: 'ACCESS-1',
    title: 'Accessibility',
    text: 'Text must be readable against its background, controls large enough to touch and named for screen readers, and nothing may be told by colour or sound alone.',
  },
  {
    code: 'CONTENT-1',
    title: 'Content that is not allowed',
    text: 'No sexual content with minors, incitement to hatred or violence, instructions for serious harm, or content that is against the law where the app is offered.',
  },
  {
    code: 'CONTENT-2',
    title: 'Rights of others',
    text: 'Use only pictures, sounds, fonts, texts and code that you may use, and keep to their licences.',
  },
  {
    code: 'ADS-1',
    title: 'Advertising',
    text: 'Advertising must be told apart from content, be easy to close, and never appear outside of the app. It must not follow people across apps.',
  },
  {
    code: 'PAYMENT-1',
    title: 'Payments and subscriptions',
    text: 'Say the price, what is bought and how to end it before anything is paid. Nothing may be bought by accident, and no payment data may be kept in the app.',
  },
];
