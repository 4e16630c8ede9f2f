/** Owns the list of `mosis device` commands. */
import { defineGroup } from '../command.ts';
import { deviceInit } from './device-init.ts';
import { deviceInstall, deviceTrack } from './device-install.ts';
import { deviceList } from './device-list.ts';
import { deviceCrash, deviceReport } from './device-report.ts';
import { deviceUninstall } from './device-uninstall.ts';
import { deviceUpdate } from './device-update.ts';

export const device = defineGroup({
  summary: 'Act as a device: install, update, report',
  description:
    'The reference device client over a folder: what a Mosis device does with the store, step by step. docs/DEVICE_PROTOCOL.md describes it.',
  commands: {
    init: deviceInit,
    install: deviceInstall,
    update: deviceUpdate,
    track: deviceTrack,
    list: deviceList,
    uninstall: deviceUninstall,
    report: deviceReport,
    crash: deviceCrash,
  },
  examples: ['mosis device init --root root.json', 'mosis device install com.example.notes', 'mosis device update'],
});
