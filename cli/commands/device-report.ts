/** Owns `mosis device report` and `mosis device crash`: telemetry as a device sends it. */
import { z } from 'zod';
import type { FlushResult } from '../../device/telemetry/courier.ts';
import { defineCommand, type Outcome } from '../command.ts';
import { DEVICE_OPTIONS, withDevice } from '../device-host.ts';
import { EXIT, usageError } from '../errors.ts';
import { counted, duration, green, type Styled, t, yellow } from '../text.ts';

const Data = z.record(z.string(), z.unknown());
/** Characters that an event always has room for. */
const MAX_DATA = 15_000;
const CRASH_TYPES = ['lua_error', 'out_of_memory', 'not_responding', 'native_crash'] as const;

export const deviceReport = defineCommand({
  summary: 'Queue an event and send what waits',
  description:
    'Without a TYPE it only sends what waits on disk. Without a network the queue keeps everything for the next time. Usage events (screen_view, button_click) need --consent.',
  arguments: [
    { name: 'PACKAGE_ID', help: 'An installed app' },
    { name: 'TYPE', help: 'Such as app_start, frame_time, screen_view' },
  ],
  options: {
    data: { type: 'string', value: 'JSON', help: 'Data of the event, such as {"screen":"main"}' },
    consent: { type: 'boolean', help: 'The user agreed to usage events' },
    offline: { type: 'boolean', help: 'Only queue; send nothing' },
    ...DEVICE_OPTIONS,
  },
  examples: ['mosis device report com.example.notes app_start', 'mosis device report'],
  async run(context, { args, options }) {
    const [packageId, type] = args;
    if (packageId !== undefined && type === undefined)
      throw usageError('TYPE is missing: such as app_start.', 'mosis device report --help');
    const data = options.data === undefined ? {} : { data: parseData(options.data) };
    return await withDevice(context, options, async (device) => {
      const { consent } = options;
      const queued =
        packageId === undefined || type === undefined
          ? null
          : await device.reporter.track(packageId, { type, consent, ...data });
      if (queued === false && options.data !== undefined && options.data.length > MAX_DATA)
        throw usageError('--data is longer than an event may be.', `at most ${MAX_DATA} characters`);
      if (queued === false)
        throw usageError(`${type} says what a person did, so it needs consent.`, 'add --consent when the user agreed');
      if (options.offline) return { json: { queued: true }, lines: [t`${green('queued')}`] };
      return flushOutcome(await device.reporter.flush({ urgent: true }));
    });
  },
});

export const deviceCrash = defineCommand({
  summary: 'Send a crash report',
  arguments: [{ name: 'PACKAGE_ID', help: 'An installed app', required: true }],
  options: {
    type: { type: 'string', value: 'TYPE', choices: CRASH_TYPES, help: 'What ended the app (default lua_error)' },
    message: { type: 'string', value: 'TEXT', help: 'The error message' },
    stack: { type: 'string', value: 'TEXT', help: 'The stack trace; \\n separates its lines' },
    screen: { type: 'string', value: 'NAME', help: 'The screen that was shown' },
    ...DEVICE_OPTIONS,
  },
  async run(context, { args, options }) {
    const { message, screen } = options;
    if (message === undefined)
      throw usageError('--message is missing: the error message.', 'mosis device crash --help');
    return await withDevice(context, options, async (device) => {
      await device.reporter.crash(args[0] ?? '', {
        crash_type: CRASH_TYPES.find((type) => type === options.type) ?? 'lua_error',
        message,
        stack_trace: (options.stack ?? '').replaceAll('\\n', '\n'),
        ...(screen === undefined ? {} : { context: { screen } }),
      });
      return flushOutcome(await device.reporter.flush({ urgent: true }));
    });
  },
});

function parseData(text: string): Record<string, unknown> {
  try {
    return Data.parse(JSON.parse(text));
  } catch {
    throw usageError('--data is not a JSON object.', `--data '{"screen":"main"}'`);
  }
}

function flushOutcome(result: FlushResult): Outcome {
  const { sent, dropped, waiting, problem, retryAfterMs } = result;
  const lines: Styled[] = [t`${green('sent')}  ${counted(sent, 'report')}`];
  if (dropped > 0) lines.push(t`${yellow('dropped')}  ${dropped}: refused by the server, too old or too many`);
  const later = retryAfterMs === null ? '' : ` Come back in ${duration(retryAfterMs / 1000)}.`;
  const wait = t`${yellow('waiting')}  ${counted(waiting, 'report')} on disk: ${problem ?? ''}${later}`;
  return {
    json: result,
    lines,
    notes: problem === null ? [] : [wait],
    exit: problem === null ? EXIT.done : EXIT.network,
  };
}
