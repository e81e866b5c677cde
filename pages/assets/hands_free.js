// The Label page: its keys, and what was heard and seen of the clip on the desk.
// The keys answer wherever a click left the focus, except in a text field. A key that is held down is one press.
// While the field for a comment is open, keys write in it.
// Just before an answer goes to the server, the script sends how long the clip was heard and whether the guess was seen.
const SEEK_S = 5;
const SAME_SOUND_MS = 500;  // so long after a new clip, the player may still hold the sound of the clip before
const WAIT_MS = 3000;  // a reason that is typed before its button is there waits so long for it

const find = (selector) => document.querySelector(selector);
const emotions = () => find(".st-key-emotions");
const sound = () => find(".st-key-player audio");
const writes = (e) => e && (e.tagName === "TEXTAREA" || (e.tagName === "INPUT" && e.type !== "checkbox"));
const free = (e) => !e || e === document.body || e.tagName === "AUDIO" || !byTab;
const FIELD = '[class*="st-key-comment_"] input';

let clip = null;  // what is known of the clip on the desk
let send = null;  // sends to the server, see Streamlit's setStateValue
let skipping = "";  // form in which S was pressed
let byTab = false;  // the Tab key moved the focus last, so what has the focus was chosen with it
let opening = 0;  // until then the field for a comment is expected

// --- what was heard and seen

function begin(form) {
  const audio = sound();
  clip = { form, since: performance.now(), before: clip && audio ? clip.source : null, source: null,
           first: null, parts: [], seen: false };
}

// Streamlit plays a sound by itself only the first time that it shows it. A clip that comes again has to play too.
function playItself(of = clip) {
  const audio = sound();
  if (clip !== of || of.first !== null || performance.now() - of.since > WAIT_MS) return;
  const old = !audio || (audio.currentSrc === of.before && performance.now() - of.since < SAME_SOUND_MS);
  if (old || audio.readyState < 3) requestAnimationFrame(() => playItself(of));
  else if (audio.paused) audio.play().catch(() => {});  // before the first click a browser may refuse
}

function hear() {
  const audio = sound();
  if (!clip || !audio) return;
  const now = performance.now();
  if (audio.currentSrc === clip.before && now - clip.since < SAME_SOUND_MS) return;
  clip.source = audio.currentSrc;
  const played = [...Array(audio.played.length).keys()].map((k) => [audio.played.start(k), audio.played.end(k)]);
  clip.parts = union([...clip.parts, ...played]);
  const heard = length(clip.parts);
  if (clip.first === null && (heard > 0 || !audio.paused)) clip.first = now - 1000 * heard;
}

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (clip && entry.intersectionRatio >= 0.99 && document.visibilityState === "visible") clip.seen = true;
  }
}, { threshold: [0, 0.99, 1] });

function watchGuess() {
  sight.disconnect();
  const guess = find(".st-key-guess");
  if (guess) sight.observe(guess);
}

function report() {
  if (!clip || !send) return;
  hear();
  const tenth = (seconds) => Math.round(10 * seconds) / 10;
  send("listening", {
    form: clip.form,
    heard_s: tenth(length(clip.parts)),
    answer_s: clip.first === null ? null : tenth((performance.now() - clip.first) / 1000),
    guess_seen: clip.seen,
  });
}

// --- keys

function eventually(selector, act, ends = performance.now() + WAIT_MS) {
  const found = find(selector);
  if (found) act(found);
  else if (performance.now() < ends) requestAnimationFrame(() => eventually(selector, act, ends));
}

function press(selector) {
  const button = find(`${selector} button`);
  if (button) button.click();
  return Boolean(button);
}

function reason(key) {
  if (!clip) return false;
  const button = `[class*="st-key-skip_${key}_${clip.form.slice(0, 8)}"] button`;
  if (skipping !== clip.form && !find(button)) return false;
  skipping = "";
  eventually(button, (found) => found.click());
  return true;
}

function write() {
  const field = find(FIELD);
  if (field) field.focus();
  else if (performance.now() < opening) requestAnimationFrame(write);
  if (field) opening = 0;
}

function openComment() {
  opening = performance.now() + WAIT_MS;
  write();
}

function handled(key, here) {
  if (/^[ban]$/.test(key)) return reason(key.toUpperCase());
  if (key === "s") {
    skipping = clip ? clip.form : "";
    return press('[class*="st-key-reasons_"]');
  }
  if (key === "?") return press(".st-key-keys_help");
  if (key === "w") {
    return press('[class*="st-key-comments_"]');  // and the click opens the field
  }
  const audio = sound();
  if (!audio || !free(here)) return false;  // the Tab key led to something that uses these keys itself
  if (key === " ") audio.paused ? audio.play() : audio.pause();
  else if (key === "arrowleft") audio.currentTime = Math.max(audio.currentTime - SEEK_S, 0);
  else if (key === "arrowright") audio.currentTime = Math.min(audio.currentTime + SEEK_S, audio.duration || 0);
  else return false;
  return true;
}

function onKey(event) {
  const here = document.activeElement;
  if (!emotions() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (writes(here)) {
    if (event.key === "Enter" || event.key === "Escape") setTimeout(() => here.blur(), 0);
    if (event.key === "Enter" && here.closest('[class*="st-key-comment_"]')) {  // the field lies over the answers
      setTimeout(() => press('[class*="st-key-comments_"]'), 100);
    }
    return;
  }
  const field = find(FIELD);
  if (event.key.length === 1 && (field || performance.now() < opening)) {  // what is typed is a comment, no answer
    event.stopImmediatePropagation();
    if (field) field.focus();
    else event.preventDefault();
    return;
  }
  const key = event.key.toLowerCase();
  if (event.repeat && (key.length === 1 || key.startsWith("arrow"))) {
    if (key.startsWith("arrow")) handled(key, here);  // seeking may go on while the key is down
    event.stopImmediatePropagation();
    event.preventDefault();
  } else if (handled(key, here)) {
    event.stopImmediatePropagation();
    event.preventDefault();
  } else if (/^[1-4]$/.test(key)) {
    report();
  }
}

function onClick(event) {
  if (!emotions()) return;
  if (event.target.closest('.st-key-emotions button, [class*="st-key-skip_"] button')) report();
  if (event.target.closest('[class*="st-key-comments_"] button')) find(FIELD) ? (opening = 0) : openComment();
  if (event.detail > 0) {  // a click with the pointer; what it led to must not keep the keys to itself
    setTimeout(() => {
      const here = document.activeElement;
      if (!free(here) && !writes(here)) here.blur();
    }, 50);
  }
}

// The time bar of the player keeps its clicks and keys to itself, so the focus that a click brings has to leave.
function onFocus(event) {
  if (emotions() && event.target === sound() && !byTab) setTimeout(() => event.target.blur(), 0);
}

function start() {
  window.tmeHandsFree = true;
  window.addEventListener("keydown", (event) => { if (event.key === "Tab") byTab = true; }, true);
  window.addEventListener("pointerdown", () => { byTab = false; }, true);
  document.addEventListener("focusin", onFocus);
  document.addEventListener("click", onClick, true);
  window.addEventListener("keydown", onKey, true);
  for (const name of ["playing", "timeupdate", "pause", "ended"]) document.addEventListener(name, hear, true);
  document.addEventListener("loadstart", (event) => {  // the clip that comes next is loaded in full
    if (event.target.closest && event.target.closest(".st-key-next_clip")) event.target.preload = "auto";
  }, true);
}

export default function ({ data, setStateValue }) {
  send = setStateValue;
  if (!window.tmeHandsFree) start();
  if (!clip || clip.form !== data.form) {
    begin(data.form);
    if (data.autoplay) playItself();
  }
  watchGuess();
}
