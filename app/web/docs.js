// The page of the interface: Swagger UI, which the service brings along. Decides that the key of this visit is sent from here, too.

import { forgetKey, keptKey, showForget } from "./keys.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

const swagger = window.SwaggerUIBundle ?? (() => document.getElementById("lacking").removeAttribute("hidden"));
const ui = swagger({
  url: "openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null, // it would be asked on the network
  onComplete: () => keptKey() && ui.preauthorizeApiKey("bearer", keptKey()),
});

showForget();
document.getElementById("forget").addEventListener("click", () => {
  forgetKey();
  location.reload();
});
