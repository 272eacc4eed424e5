// Comforts only: every page works without this file.
"use strict";
(() => {
  const typing = (node) => node && /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName);
  const places = { t: "/tasks", d: "/", l: "/law", h: "/households" };
  let waiting = false;
  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-slash]");
      event.preventDefault();
      if (search) search.focus();
      else location.href = "/households";
    } else if (waiting) {
      waiting = false;
      if (places[event.key]) location.href = places[event.key];
    } else if (event.key === "g") {
      waiting = true;
      setTimeout(() => { waiting = false; }, 1200);
    }
  });
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
  // Paper shows everything that a click would open.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main details:not([open])")];
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
  });
  // A second click on a slow line sends nothing twice. (The server would record it once anyway.)
  for (const form of document.querySelectorAll('form[method="post"]')) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
  // A choice in a filter needs no further click.
  for (const choice of document.querySelectorAll(".filters select")) {
    if (choice.form && choice.form.method === "get") choice.addEventListener("change", () => choice.form.submit());
  }
})();
