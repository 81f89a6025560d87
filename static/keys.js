// Keys, copying, toasts, the log's tail: it clicks what has a data-key.
(() => {
  const $ = (q, e = document) => e.querySelector(q), $$ = q => [...document.querySelectorAll(q)], root = document.documentElement
  let g = ""
  document.cookie = "tz=" + Intl.DateTimeFormat().resolvedOptions().timeZone + ";path=/;max-age=31536000;samesite=lax"
  addEventListener("keydown", e => {
    const box = e.target.closest("input:not([type=checkbox]),select,textarea"), k = e.key
    if (k == "Enter" && (e.ctrlKey || e.metaKey)) return box?.form?.requestSubmit()
    if (k == "Escape") { box?.blur(); const s = $("[name=menu][open]>summary"); s?.focus(); s?.click() }
    if (box || e.ctrlKey || e.metaKey || e.altKey) return
    const rows = $$(".runs>:not(.day)"), at = rows.findIndex(r => r.contains(document.activeElement))
    const row = rows[k == "j" ? at + 1 : k == "k" ? at - 1 : -1]
    if (row) return ($("b", row)?.closest("a") || $("summary", row))?.focus()
    const tick = () => $("[type=checkbox]", rows[at])?.click()
    if (k == "x") return tick()
    if (k == "w") return $("#log")?.classList.toggle("nowrap")
    const hit = $(`[data-key="${CSS.escape(g + k)}"]`)
    g = k == "g" ? "g " : ""
    if (!hit) return
    e.preventDefault()
    if (hit.closest(".bulk") && !$(".runs :checked")) { tick(); if (!$(".runs :checked")) return }
    hit.matches("input") ? hit.focus() : hit.click()
  })
  addEventListener("click", e => {
    const b = e.target.closest("[data-copy]"), m = $("[name=menu][open]")
    if (!m?.contains(e.target)) m?.removeAttribute("open")
    if (b) navigator.clipboard?.writeText(b.dataset.copy).then(() => toast({ detail: { value: "Copied" } }))
    if (e.target.closest(".newer")) gone ? location.reload() : end($("#log"))
  })
  const toast = e => {
    const v = e.detail.value ?? e.detail, t = Object.assign(document.createElement("div"), { className: "toast", role: v.error ? "alert" : "status", textContent: v.error || v.text || v })
    if (v.href) t.append(Object.assign(document.createElement("a"), { className: "btn sm", textContent: "Open", href: $(".brand").href.replace(/runs$/, v.href) }))
    $$("#toasts .toast").find(o => o.textContent == t.textContent)?.remove()
    $("#toasts").append(t)
    t.onclick = () => t.remove()
    if (!v.error) setTimeout(() => t.remove(), 6e3)
  }
  addEventListener("toast", toast)
  document.cookie = "said=;path=/;max-age=0"
  const said = $("#toasts .toast")
  setTimeout(() => said?.remove(), said?.firstElementChild ? 3e4 : 6e3)
  let low = true, at = 0, fresh = 0, gone = 0, due = 0
  const end = l => l && (l.scrollTop = l.scrollHeight, at = l.scrollTop)
  addEventListener("scroll", ({ target: l }) => {
    if (l.id != "log") return
    if (l.scrollHeight - l.scrollTop - l.clientHeight < 40) $(".newer").hidden = low = !(gone || (fresh = 0))
    else if (l.scrollTop < at) low = false
    at = l.scrollTop
  }, true)
  const tail = $("#log[data-tail]")
  end(tail)
  const fit = () => due ||= requestAnimationFrame(() => {
    const lines = [...tail.children]
    due = 0
    if (low) return lines.slice(0, -1e3).forEach(l => l.remove()), end(tail)
    lines.slice(3e3).forEach(l => l.remove(gone = 1))
    $(".newer").hidden = !fresh
    $(".newer").textContent = `↓ ${fresh} new`
  })
  tail?.addEventListener("contentvisibilityautostatechange", () => low && fit())
  if (tail) new MutationObserver(m => {
    const n = m.reduce((n, c) => n + c.addedNodes.length, 0)
    fresh = low ? 0 : fresh + n
    if (n) fit()
  }).observe(tail, { childList: true })
  // An answer waits while the pointer is down, or its click would miss.
  let down = null, up = null
  const release = () => { const done = up; down = up = null; if (done) setTimeout(done) }
  addEventListener("pointerdown", () => down ??= new Promise(done => up = done), true)
  for (const name of ["pointerup", "pointercancel", "dragend"]) addEventListener(name, release, true)
  addEventListener("blur", release)
  addEventListener("htmx:before:request", e => {
    if (document.hidden && e.target.id == "follow") return e.preventDefault()
    e.detail.ctx.fetch = async (...asked) => { const answer = await fetch(...asked); await down; return answer }
  })
  const live = s => { root.dataset.live = s.toLowerCase(); $(".foot b").textContent = s }
  addEventListener("htmx:error", e => e.detail.ctx?.request?.method == "POST" && toast({ detail: { error: "The server does not answer. Try again in a moment." } }))
  addEventListener("htmx:sse:after:connection", () => live("Live"))
  addEventListener("htmx:sse:error", () => live("Waiting"))
  addEventListener("visibilitychange", () => live(document.hidden ? "Paused" : "Waiting"))
  setInterval(() => {
    const s = $("[hx-sse\\:connect]")
    if (!s || document.hidden || root.dataset.live == "live") return
    live("Waiting")
    s._htmx?.sse || htmx.ajax("GET", s.getAttribute("hx-sse:connect"), { source: s })
    if ($("#follow")) htmx.trigger("#follow", "again")
  }, 5e3)
})()
