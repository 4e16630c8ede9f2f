/** The environment: read once, with every mistake told together. */
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../server/config.ts';

function mistakesOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(1);
    throw error;
  }
  return [];
}

describe('the environment', () => {
  it('may be empty: then everything has its default', () => {
    expect(readConfig({})).toMatchObject({
      mode: 'development',
      host: 'localhost',
      port: 4000,
      dataDir: resolve('data'),
      publicUrl: 'http://localhost:4000',
      trustedProxies: [],
      allowedOrigins: [],
      logLevel: 'info',
      maxPackageBytes: 52_428_800,
      checkThreads: null,
      publicCache: true,
      sendfile: { kind: 'off' },
    });
  });

  it('counts an empty value as none', () => {
    expect(readConfig({ PORT: '', HOST: '', PUBLIC_URL: '' })).toEqual(readConfig({}));
  });

  it('is told of all its mistakes at once, each by its name', () => {
    const wrong = {
      PORT: '70000',
      PUBLIC_URL: 'https://apps.example.org/mosis',
      TRUSTED_PROXIES: '10.0.0.1, proxy.example.org',
      ALLOWED_ORIGINS: 'ftp://example.org',
      LOG_LEVEL: 'loud',
      MAX_PACKAGE_BYTES: '1e9',
      CHECK_THREADS: '0',
      PUBLIC_CACHE: 'yes',
      SENDFILE: 'on',
      SENDFILE_PREFIX: '/../keys/',
    };
    const mistakes = mistakesOf(wrong);
    for (const name of Object.keys(wrong))
      expect(mistakes.filter((line) => /^ *([A-Z_]+)/.exec(line)?.[1] === name)).toHaveLength(1);
    expect(mistakes).toHaveLength(Object.keys(wrong).length);
  });

  it('lets a server in front send files only where that server is named', () => {
    expect(mistakesOf({ SENDFILE: 'x-sendfile' })).toEqual([expect.stringContaining('TRUSTED_PROXIES')]);
    const front = { SENDFILE: 'x-accel-redirect', TRUSTED_PROXIES: '127.0.0.1' };
    expect(readConfig(front).sendfile).toEqual({ kind: 'x-accel-redirect', prefix: '/_packages/' });
    for (const prefix of ['packages/', '/packages', '/', '//', '/a/../', '/a b/', '/%2e%2e/', '/a\r\nX: y/'])
      expect(mistakesOf({ ...front, SENDFILE_PREFIX: prefix }), prefix).toHaveLength(1);
  });

  it('takes packages smaller than the format allows, and none larger', () => {
    expect(readConfig({ MAX_PACKAGE_BYTES: '1048576' }).maxPackageBytes).toBe(1_048_576);
    expect(mistakesOf({ MAX_PACKAGE_BYTES: '52428801' })).toHaveLength(1);
  });

  it('keeps an origin without its slash, and refuses one with a path, a query or a name', () => {
    expect(readConfig({ PUBLIC_URL: 'https://apps.example.org/' }).publicUrl).toBe('https://apps.example.org');
    for (const url of [
      'https://x.example/a',
      'https://x.example/?a',
      'https://ada@x.example',
      'x.example',
      'file:///a',
    ])
      expect(mistakesOf({ PUBLIC_URL: url })).toHaveLength(1);
  });
});
