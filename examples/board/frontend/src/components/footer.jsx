import { useChannel } from "mizan-react";

export function Footer() {
  const presence = useChannel("presence");
  return (
    <footer>
      <span>Django, React and Mizan</span>
      {presence && <span id="presence">{presence.online} here now</span>}
    </footer>
  );
}
