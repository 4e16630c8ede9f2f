// The Lua 5.4 parser: all of the grammar, the errors of the reference compiler, bounded work on hostile input.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyseLua } from '../../format/lua/analyse.ts';
import type { Expression, Statement } from '../../format/lua/ast.ts';
import { parseLua } from '../../format/lua/parser.ts';
import { UNKNOWN } from '../../format/lua/values.ts';

function body(text: string): readonly Statement[] {
  const result = parseLua(text);
  if (!result.ok) throw new Error(`${result.message} at ${result.at}`);
  return result.body;
}

/** The value of `return <text>`. */
function expression(text: string): Expression {
  const statement = body(`return ${text}`)[0];
  if (statement?.type !== 'return' || statement.values[0] === undefined) throw new Error('no value');
  return statement.values[0];
}

/** An expression with parentheses around every operation, to see what binds to what. */
function shape(node: Expression): string {
  if (node.type === 'binary') return `(${shape(node.left)} ${node.operator} ${shape(node.right)})`;
  if (node.type === 'unary') return `(${node.operator} ${shape(node.operand)})`;
  if (node.type === 'number') return String(node.value);
  return node.type === 'name' ? node.name : node.type;
}

function analyse(text: string) {
  return analyseLua(
    { file: 'a.lua', text, line: 1, column: 1, locals: [] },
    { resolve: () => null, value: () => UNKNOWN },
  );
}

describe('the grammar', () => {
  test.each([
    ['attributes', 'local a <const>, b <close> = 1, nil'],
    ['integer division and bit operators', 'x = a // b & c | d ~ e << 1 >> 2 ; y = ~x'],
    ['goto and labels', 'for i = 1, 3 do goto continue; print(i) ::continue:: end'],
    ['a label at the end of a block is seen from inside', 'do goto out do goto out end ::out:: end'],
    ['semicolons', ';;; local a = 1; ; return a;'],
    ['long strings and comments', 'x = [==[ ]] ]=] ]==] --[[ y\n ]] --[=[ ]] ]=]\nz = 1 -- end'],
    ['calls without parentheses', 'f"x" f[[y]] f{1} f{1}{2}"z" o:m"x":n{1}'],
    ['method definitions', 'function a.b.c:d(...) return self, ... end'],
    ['local functions', 'local function f() return f end'],
    ['varargs', 'local a, b = ... print(select("#", ...), {...}, (...))'],
    ['numeric for with a step', 'for i = 10, 1, -1 do end'],
    ['generic for', 'for k, v, w in next, t, nil do break end'],
    ['repeat sees its own locals', 'repeat local done = f() until done'],
    ['while, if, elseif, else', 'while a do if b then elseif c then else end end'],
    ['tables', 'x = { 1, 2; a = 3, ["b"] = 4, f(), } y = {} z = { x = x, x }'],
    ['chained suffixes', 'a.b["c"]:d(1).e[2] = 3'],
    ['many targets', 'a, b.c, d[1] = 1, 2'],
    ['numbers', 'x = { 3, 3.0, .5, 5., 1e10, 1E-2, 0xff, 0XA.8p1, 0x.1, 0x1P-2, 9007199254740993 }'],
    ['escapes', 'x = "\\a\\b\\f\\n\\r\\t\\v\\\\\\"\\\'\\065\\x41\\u{48}\\u{7FFFFFFF}\\z   \n  end\\\nnext"'],
    ['a first line with #', '#!/usr/bin/env lua\nreturn 1'],
    ['a byte order mark', '\ufeffreturn 1'],
    ['nothing', ''],
    ['names like keywords', 'local ends, endd, goto_ = 1'],
    ['a name that Object has', 'local constructor = toString __proto__ = hasOwnProperty'],
  ])('accepts %s', (_what, text) => {
    expect(parseLua(text)).toMatchObject({ ok: true });
  });

  test.each([
    ['x =', 'end of the file'],
    ['x = = 1', '"="'],
    ['local 1 = 2', 'name expected'],
    ['f(', 'end of the file'],
    ['if a then', '"end" expected (to close "if" at line 1)'],
    ['\n\nwhile a do', 'to close "while" at line 3'],
    ['end', 'unexpected "end"'],
    ['break', 'outside a loop'],
    ['while a do local f = function() break end end', 'outside a loop'],
    ['goto nowhere', 'no visible label'],
    ['do ::a:: end goto a', 'no visible label'],
    ['local f = function() goto a end ::a::', 'no visible label'],
    ['::a:: ::a::', 'already defined'],
    ['local a <const> = 1 a = 2', 'constant'],
    ['local a <final> = 1', 'unknown attribute'],
    ['local a <close>, b <close> = 1, 2', 'more than one'],
    ['function f() return ... end', 'outside a function'],
    ['return 1 x = 2', 'last statement'],
    ['f() = 1', 'cannot be assigned'],
    ['(a) = 1', 'cannot be assigned'],
    ['a.b', 'arguments of a call expected'],
    ['x = 3x', 'malformed number'],
    ['x = 0x', 'malformed number'],
    ['x = 1..2', 'malformed number'],
    ['x = 1e', 'malformed number'],
    ['x = "abc', 'never closed'],
    ['x = "abc\n"', 'never closed'],
    ['x = [[abc', 'never closed'],
    ['--[[ abc', 'never closed'],
    ['x = "\\q"', 'escape'],
    ['x = "\\300"', '255'],
    ['x = "\\xg0"', 'hexadecimal'],
    ['x = "\\u{}"', 'hexadecimal'],
    ['x = "\\u{80000000}"', '2^31'],
    ['x = 1 ! 2', 'unexpected character'],
    ['x = a != b', 'unexpected character "!"'],
    ['a += 1', 'expected near "+"'],
    ['\0', 'U+0000'],
    ['x = “quoted”', 'unexpected character'],
    ['for a.b = 1, 2 do end', 'expected'],
    ['for i = 1 do end', 'two or three'],
    ['local function a.b() end', 'expected'],
    ['x = {1 2}', '"}" expected'],
    ['x = function(a, ..., b) end', '")" expected'],
    ['return return', 'unexpected'],
  ])('refuses %j', (text, message) => {
    const result = parseLua(text);
    expect(result.ok ? 'accepted' : result.message).toContain(message);
  });

  test.each([
    ['1 + 2 * 3 ^ 2 ^ 2', '(1 + (2 * (3 ^ (2 ^ 2))))'],
    ['-x ^ 2', '(- (x ^ 2))'],
    ['not a == b', '((not a) == b)'],
    ['a .. b .. c', '(a .. (b .. c))'],
    ['a - b - c', '((a - b) - c)'],
    ['a or b and c', '(a or (b and c))'],
    ['a | b ~ c & d << 1 .. 2', '(a | (b ~ (c & (d << (1 .. 2)))))'],
    ['a < b == c', '((a < b) == c)'],
    ['#a + 1', '((# a) + 1)'],
    ['2 ^ -3', '(2 ^ (- 3))'],
  ])('binds %s as Lua does', (text, bound) => {
    expect(shape(expression(text))).toBe(bound);
  });

  test('reads the values of literals', () => {
    expect(expression('0xA.8p1')).toMatchObject({ value: 21 });
    expect(expression('"\\x41\\066\\u{43}\\z  \n D"')).toMatchObject({ value: 'ABCD' });
    expect(expression('[[\nfirst\nsecond]]')).toMatchObject({ value: 'first\nsecond' });
  });

  test.each([
    'x = 1 "hunter2-hunter2-hunter2"',
    'x = 1 hunter2_hunter2_hunter2',
    'x = 1 [[hunter2-hunter2-hunter2]]',
    'f 5 hunter2_hunter2_hunter2',
    'goto hunter2_hunter2_hunter2',
    '::hunter2_hunter2_hunter2:: ::hunter2_hunter2_hunter2::',
    'local a <hunter2_hunter2_hunter2> = 1',
    'local hunter2_hunter2_hunter2 <const> = 1 hunter2_hunter2_hunter2 = 2',
    'x = 1 123456789012345678901234567890',
  ])('quotes at most 12 characters of a token that may be a secret: %s', (text) => {
    const [found] = analyse(text).findings;
    expect(found?.code).toBe('LUA_SYNTAX');
    const quotes = [...(found?.message ?? '').matchAll(/"([^ ]*)"/g)].map(
      ([, quoted = '']) => quoted.replace('…', '').length,
    );
    expect(Math.max(0, ...quotes)).toBeLessThanOrEqual(12);
    expect(found?.message).not.toMatch(/hunter2.hunter2|1234567890123/);
  });

  test('names the line and column of an error', () => {
    expect(analyse('local a = 1\n  local = 2\n').findings).toEqual([
      expect.objectContaining({ code: 'LUA_SYNTAX', file: 'a.lua', line: 2, column: 9 }),
    ]);
  });
});

describe('hostile input', () => {
  const deep = 100_000;
  test.each([
    ['parentheses', '('.repeat(deep)],
    ['tables', `x = ${'{'.repeat(deep)}`],
    ['functions', 'return function() '.repeat(deep)],
    ['blocks', 'do '.repeat(deep)],
    ['ifs', 'if a then '.repeat(deep)],
    ['unary operators', `x = ${'not '.repeat(deep)}a`],
    ['concatenation', `x = ${'a..'.repeat(deep)}a`],
    ['powers', `x = ${'a^'.repeat(deep)}a`],
    ['sums', `x = ${'a+'.repeat(deep)}a`],
    ['indexes', `x = a${'.a'.repeat(deep)}`],
    ['calls', `f${'()'.repeat(deep)}`],
    ['chains in nested calls', `f${`(a${'.b'.repeat(450)}`.repeat(190)}${')'.repeat(190)}`],
    ['brackets', `x = ${'a['.repeat(deep)}`],
    ['elseifs and locals', `${'local a '.repeat(300)}`],
  ])('answers deep %s with a bound, not a crash', (_what, text) => {
    const codes = analyse(text).findings.map((f) => f.code);
    expect(codes).toContain('LUA_TOO_COMPLEX');
  });

  test.each([
    ['one line of 2 MB', `x = "${'a'.repeat(2_000_000)}"`],
    ['a 2 MB comment', `--[[${' '.repeat(2_000_000)}]]`],
    ['NULs', '\0'.repeat(1_000_000)],
    ['unclosed long brackets', '[==['.repeat(200_000)],
    ['equals signs', `x = [${'='.repeat(1_000_000)}`],
    ['a number without end', `x = ${'1'.repeat(1_000_000)}`],
    ['many statements', 'a=1 '.repeat(250_000)],
    ['many aliases', `local a0 = _G ${Array.from({ length: 190 }, (_, i) => `local a${i + 1} = a${i}`).join(' ')}`],
    ['many labels', Array.from({ length: 50_000 }, (_, i) => `::l${i}::`).join(' ')],
    ['many gotos back', `::a:: ${'do goto a end '.repeat(50_000)}`],
    ['nested endless loops', `${'while true do '.repeat(190)}${'x() '.repeat(100_000)}${'end '.repeat(190)}`],
    ['a chain of aliases backwards', backwards(5000)],
  ])('finishes %s in time', (_what, text) => {
    const start = process.cpuUsage();
    analyse(text);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(2500);
  });

  test('a chain of aliases too long to follow is an error', () => {
    expect(analyse(backwards(5000)).findings.map((f) => f.code)).toContain('LUA_TOO_COMPLEX');
  });

  /** Upvalues defined in reverse, so that the first use has to follow all of them. */
  function backwards(length: number): string {
    const perFunction = 150;
    const open: string[] = [];
    for (let from = 0; from < length; from += perFunction) {
      const names = Array.from({ length: perFunction }, (_, i) => `v${from + i}`);
      open.push(`local ${names.join(', ')} do local function f${from}()`);
      if (open.length >= 60) break;
    }
    const total = open.length * perFunction;
    const uses = Array.from({ length: total - 1 }, (_, i) => `v${i} = v${i + 1}`).join(' ');
    return `${open.join(' ')} local function g() v0.x() end ${uses} v${total - 1} = _G ${'end end '.repeat(open.length)}`;
  }

  test('never throws and always finishes on noise', () => {
    const words = fc.constantFrom(
      ...'and break do else elseif end false for function goto if in local nil not or repeat return then true until while'.split(
        ' ',
      ),
      ...'+ - * / // % ^ # & ~ | << >> == ~= <= >= < > = ( ) { } [ ] :: ; : , . .. ...'.split(' '),
      ...[
        'a',
        '_G',
        '_ENV',
        'load',
        'os',
        'string',
        'require',
        'pcall',
        'rawget',
        'mosis',
        'net',
        'get',
        '"x"',
        '1',
        '[[y]]',
        '--',
      ],
      '\n',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), (tokens) => {
        analyse(tokens.join(' '));
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => {
        analyse(text);
      }),
      { numRuns: 1000 },
    );
  });
});
