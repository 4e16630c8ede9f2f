// Tells plain key presses meant for the page from those meant for a field or the browser.

/** Whether the press belongs to a text field, a menu or a shortcut with modifiers. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    target.closest('input, textarea, select, [contenteditable], [role="dialog"], [role="listbox"], [role="menu"]') !==
      null
  );
}
