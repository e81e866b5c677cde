// After a piece was moved, the focus goes to the same button at its new place, so that the keyboard can move it again.
// At the end of the list this button is disabled: then the first button there that is not.
export default function ({ data }) {
  if (!data || !data.change || window.tmeFollowed === data.change) return;
  window.tmeFollowed = data.change;
  const end = performance.now() + 3000;
  const look = () => {
    const buttons = data.keys.map((key) => document.querySelector(`.st-key-${key} button:not([disabled])`));
    const lost = !document.activeElement || document.activeElement === document.body;
    const found = buttons.find((button) => button);
    if (lost && found) found.focus();
    else if (performance.now() < end) requestAnimationFrame(look);
  };
  look();
}
