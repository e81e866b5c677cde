// Parts of a sound that were heard: pairs of start and end in seconds.
// The scripts that measure what is heard begin with this one.
function union(parts) {
  const merged = [];
  for (const [start, end] of parts.sort((a, b) => a[0] - b[0])) {
    const last = merged[merged.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

const length = (parts) => parts.reduce((sum, [start, end]) => sum + end - start, 0);
