/** Owns the list of `mosis keys` commands. */
import { defineGroup } from '../command.ts';
import { keysGenerate } from './keys-generate.ts';
import { keysList } from './keys-list.ts';
import { keysPin } from './keys-pin.ts';
import { keysRegister } from './keys-register.ts';
import { keysRevoke } from './keys-revoke.ts';

export const keys = defineGroup({
  summary: 'Make, register, pin and end signing keys',
  description:
    'A package is signed on your machine with a key that only you have. The server knows its public half, and each app pins which keys may sign it.',
  commands: { generate: keysGenerate, register: keysRegister, list: keysList, pin: keysPin, revoke: keysRevoke },
});
