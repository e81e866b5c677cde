// The keys of the Label page answer wherever the focus is, except in a text field.
// A switch or a field that has the focus would keep the keys to itself, and a key that is held down is one press.
// The space bar plays and stops.
export default function () {
  if (window.tmeHandsFree) return;
  window.tmeHandsFree = true;
  const desk = () => document.querySelector(".st-key-emotions");
  const writes = (e) => e && (e.tagName === "TEXTAREA" || (e.tagName === "INPUT" && e.type !== "checkbox"));
  document.addEventListener("click", () => setTimeout(() => {  // the switch takes the focus after the click
    const here = document.activeElement;
    if (desk() && here && here.type === "checkbox") here.blur();
  }, 50), true);
  window.addEventListener("keydown", (event) => {
    const here = document.activeElement;
    if (!desk()) return;
    if (writes(here)) {
      if (event.key === "Enter" || event.key === "Escape") setTimeout(() => here.blur(), 0);
    } else if (event.repeat && event.key.length === 1) {
      event.stopImmediatePropagation();
      event.preventDefault();
    } else if (event.key === " " && (!here || here === document.body)) {
      const audio = document.querySelector("audio");
      if (!audio) return;
      event.preventDefault();
      audio.paused ? audio.play() : audio.pause();
    }
  }, true);
}
