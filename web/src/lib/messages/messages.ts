// The texts in the reader's language. A second language is one more object of the same type, chosen here.
import { en, type Messages } from '#lib/messages/en.ts';

export const t: Messages = en;
