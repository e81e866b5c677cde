// Keep the rater's name in a cookie for a year; an empty name removes the cookie.
// The name travels as data, never as code.
export default function ({ data }) {
  const life = data.name ? 31536000 : 0;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const value = encodeURIComponent(data.name);
  document.cookie = `${data.cookie}=${value}; Path=/; Max-Age=${life}; SameSite=Lax${secure}`;
}
