/** Operations made to cost more than they look: deep JSON, damaged addresses, introspection under aliases. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type Answer, readAnswer } from '../support/client.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const post = async (body: string): Promise<Answer> =>
  readAnswer(
    await fetch(`${app.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
  );
const codesOf = (answer: Answer) => answer.errors?.map(({ extensions }) => extensions.code);

describe('deep JSON', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

  it.each(['variables', 'extensions', 'other'])('is refused as a mistake of the client in %s', async (name) => {
    const answer = await post(`{"query":"{ store { nodes { id } } }","${name}":{"a":${nested(60_000)}}}`);
    expect([answer.status, codesOf(answer)]).toEqual([400, ['BAD_REQUEST']]);
  });

  it('passes up to 64 levels', async () => {
    const levels = (count: number) => post(`{"query":"{ __typename }","variables":{"a":${nested(count)}}}`);
    expect((await levels(62)).errors).toBeUndefined();
    expect(codesOf(await levels(63))).toEqual(['BAD_REQUEST']);
  });
});

it.each(['variables', 'extensions'])('refuses %s of a GET that are no JSON', async (name) => {
  const answer = await readAnswer(await fetch(`${app.url}/graphql?query=%7B__typename%7D&${name}=%7B`));
  expect([answer.status, codesOf(answer)]).toEqual([400, ['BAD_REQUEST']]);
});

describe('introspection', () => {
  it.each([
    ['{ a: __schema { types { name } } b: __schema { types { name } } }'],
    ['{ __schema { types { a: fields { name } b: fields { name } } } }'],
    ['{ __schema { ...F } } fragment F on __Schema { a: types { name } }'],
    ['{ __type(name: "App") { a: fields { name } } }'],
  ])('takes no aliases: %s', async (query) => {
    const answer = await post(JSON.stringify({ query }));
    expect([answer.status, codesOf(answer)]).toEqual([400, ['QUERY_TOO_MANY_ALIASES']]);
  });

  it('takes several types by name', async () => {
    const answer = await post(
      JSON.stringify({ query: '{ a: __type(name: "App") { name } b: __type(name: "Event") { name } }' }),
    );
    expect(answer.data).toEqual({ a: { name: 'App' }, b: { name: 'Event' } });
  });
});
