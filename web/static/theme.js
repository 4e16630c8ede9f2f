// Sets the remembered theme before the first paint; the switch itself lives in the account menu.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem('mosis-theme');
  } catch {
    theme = null;
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
