/** Owns the catalogue entries of pictures for an app's listing. They are in no package; a server judges them when they arrive. */
import { defineCatalogue } from '../findings.ts';

export const SCREENSHOT_CATALOGUE = defineCatalogue({
  SCREENSHOT_NOT_PNG: {
    severity: 'error',
    title: 'The screenshot is no readable PNG',
    why: 'The store shows pictures that it made anew from their pixels, so that no file can carry anything else to whoever looks at it.',
    fix: 'Save the picture as a PNG of 8 bits a sample, as the device does, and upload it again.',
    bad: 'a JPEG whose name was changed to shot.png',
    good: 'a PNG straight from the device',
    section: '6',
  },
  SCREENSHOT_SIZE: {
    severity: 'error',
    title: 'The screenshot is too large or too small',
    why: 'Pictures are shown side by side and on small screens; bounded ones load at once and can be read.',
    fix: 'Make each side 240 to 2560 pixels long and the file at most 4 MiB.',
    bad: 'a picture of 4000 by 3000 pixels',
    good: 'a picture of 1280 by 800 pixels',
    section: '6',
  },
  SCREENSHOT_LIMIT: {
    severity: 'error',
    title: 'The app has as many screenshots as it may',
    why: 'A page of an app is looked at for seconds; a few pictures say more than many.',
    fix: 'Delete one, then upload again.',
    bad: 'a ninth screenshot',
    good: 'eight screenshots, the best first',
    section: '6',
  },
});
