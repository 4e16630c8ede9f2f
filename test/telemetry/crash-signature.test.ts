import { describe, expect, it } from 'vitest';
import { crashSignature, normaliseMessage, stackFrames } from '../../server/telemetry/crash-signature.ts';

const STACK = `stack traceback:
	[C]: in function 'error'
	/data/mosis/apps/com.example.notes/package/assets/scripts/app.lua:42: in function 'onClick'
	/data/mosis/apps/com.example.notes/package/assets/scripts/app.lua:10: in local 'handler'
	(...tail calls...)
	[C]: in ?`;

function fingerprint(message: string, stackTrace = STACK): string {
  return crashSignature({ crashType: 'lua_error', message, stackTrace }).fingerprint;
}

describe('crash signatures', () => {
  it('are the same across line numbers, install folders and values', () => {
    const other = STACK.replaceAll('/data/mosis/apps/com.example.notes/package/', '')
      .replaceAll('42', '57')
      .replaceAll(':10:', ':11:');
    const first = fingerprint("assets/scripts/app.lua:42: bad key 'alice' at 0x7ffde3 after 3 tries");
    expect(fingerprint("assets/scripts/app.lua:57: bad key 'bob' at 0x1234 after 12 tries", other)).toBe(first);
  });

  it('differ by the field that was nil, which is a name of the program', () => {
    expect(fingerprint("app.lua:1: attempt to index a nil value (field 'user')")).not.toBe(
      fingerprint("app.lua:1: attempt to index a nil value (field 'item')"),
    );
  });

  it('differ by function, by message and by type of crash', () => {
    const first = fingerprint('stop');
    expect(fingerprint('stop', STACK.replace('onClick', 'onKey'))).not.toBe(first);
    expect(fingerprint('halt')).not.toBe(first);
    expect(crashSignature({ crashType: 'native_crash', message: 'stop', stackTrace: STACK }).fingerprint).not.toBe(
      first,
    );
  });

  it('are of the frames in the package: what called them or was called outside of it does not count', () => {
    const own = "\n\tassets/scripts/app.lua:42: in function 'onClick'";
    const first = fingerprint('stop', `stack traceback:${own}`);
    const outside = "\n\t/usr/share/mosis/lua/dispatch.lua:7: in function 'call'";
    for (const stack of [`\n\t[C]: in function 'error'${own}`, `${outside}${own}`, `${own}${outside}\n\t[C]: in ?`])
      expect(fingerprint('stop', `stack traceback:${stack}`)).toBe(first);
    expect(fingerprint('stop', outside)).not.toBe(fingerprint('stop', outside.replace('dispatch', 'timer')));
  });

  it('fold paths, addresses, hexadecimal ids and numbers in a message', () => {
    const messages = [
      ['cannot open /data/mosis/apps/notes/save-1.db at 0x7ffe12', 'cannot open C:\\Users\\bob\\save.db at 0x12'],
      ['object 9f86d081884c7d65 took 1.5 s', 'object 00c0ffee11223344 took 22 s'],
    ];
    for (const [one = '', other = ''] of messages) expect(normaliseMessage(one)).toBe(normaliseMessage(other));
    expect(normaliseMessage('cannot open deadbeef')).toBe('cannot open deadbeef');
  });

  it('are what the report says where it says so, whatever message and stack are', () => {
    const given = (override: string, message: string) =>
      crashSignature({ crashType: 'lua_error', message, stackTrace: STACK, override });
    expect(given('checkout', 'a').fingerprint).toBe(given('checkout', 'b').fingerprint);
    expect(given('checkout', 'a').fingerprint).not.toBe(given('login', 'a').fingerprint);
    expect(given('checkout', 'a').fingerprint).toMatch(/^[0-9a-f]{32}$/);
    expect(given('checkout', 'a').title).toContain('onClick');
  });

  it('do not depend on how deep a recursion went', () => {
    const frame = "\n\tassets/walk.lua:3: in upvalue 'walk'";
    expect(fingerprint('stack overflow', STACK + frame.repeat(200))).toBe(
      fingerprint('stack overflow', STACK + frame.repeat(3)),
    );
  });

  it.each([
    ['did not answer for 5003 ms', '', 'did not answer for … ms'],
    ["bad argument #1 to 'insert'", '', "bad argument #… to '…'"],
    [
      'out of range',
      'assets/app.lua:9: in function <assets/app.lua:9>',
      'out of range in a function without a name (assets/app.lua)',
    ],
  ])('have a title that takes nothing for a fact which was left out: %s', (message, stackTrace, title) => {
    expect(crashSignature({ crashType: 'lua_error', message, stackTrace }).title).toBe(title);
  });

  it('have a title that says what and where', () => {
    const message = "assets/scripts/app.lua:42: attempt to index a nil value (field 'user')";
    expect(crashSignature({ crashType: 'lua_error', message, stackTrace: STACK }).title).toBe(
      "attempt to index a nil value (field 'user') in onClick (assets/scripts/app.lua)",
    );
  });

  it('keep no value a user may have typed', () => {
    const { title } = crashSignature({
      crashType: 'lua_error',
      message: 'cannot mail "alice@example.com"',
      stackTrace: STACK,
    });
    expect(title).not.toContain('alice');
  });

  it('come about for anything: empty, cut off, other platforms', () => {
    expect(crashSignature({ crashType: 'native_crash', message: '', stackTrace: '' }).title).toBe('native_crash');
    expect(stackFrames('...ple.notes/package/assets/app.lua:3: in main chunk')).toEqual([
      { file: '…/app.lua', function: 'main chunk', inPackage: true },
    ]);
    expect(stackFrames('C:\\mosis\\package\\a\\b.lua:1: in function <b.lua:1>')).toEqual([
      { file: 'a/b.lua', function: '?', inPackage: true },
    ]);
  });

  it('take bounded time on hostile text', () => {
    const started = performance.now();
    for (const text of [
      '\n'.repeat(32_000),
      "'".repeat(32_000),
      ': in '.repeat(6_000),
      '0'.repeat(32_000),
      '[string "'.repeat(3_000),
    ]) {
      fingerprint(text, text);
      normaliseMessage(text);
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
