-- Plays sessions with OpenDKIM's miltertest, one after another, macros included.
-- Given with -D: spec, sessions, headers and bytes (of the body).

local line = "A line of text as it stands in a mail, seventy-four characters of it.....\r\n"
local body = string.rep(line, math.ceil(bytes / #line)):sub(1, bytes + 0)
local chunk = 65535

local function say(problem)
    if problem then error(problem) end
end

local function play()
    local conn = mt.connect(spec)
    if not conn then error("no connection") end
    say(mt.negotiate(conn, 6, 0x1ff, 0x1fffff))
    say(mt.macro(conn, SMFIC_CONNECT, "j", "host.example", "{daemon_name}", "host.example",
        "{daemon_addr}", "192.0.2.1", "v", "Postfix", "_", "mail.example.net [198.51.100.7]"))
    say(mt.conninfo(conn, "mail.example.net", "198.51.100.7"))
    say(mt.helo(conn, "mail.example.net"))
    say(mt.macro(conn, SMFIC_MAIL, "{mail_addr}", "a@example.net", "{mail_host}", "example.net",
        "{mail_mailer}", "smtp"))
    say(mt.mailfrom(conn, "<a@example.net>"))
    say(mt.macro(conn, SMFIC_RCPT, "{rcpt_addr}", "b@example.org", "{rcpt_host}", "example.org",
        "{rcpt_mailer}", "local"))
    say(mt.rcptto(conn, "<b@example.org>"))
    say(mt.data(conn))
    for number = 1, headers do
        say(mt.header(conn, "X-Header-" .. number, "some value of a usual length, as a mail has them"))
    end
    say(mt.eoh(conn))
    for start = 1, #body, chunk do
        say(mt.bodystring(conn, body:sub(start, start + chunk - 1)))
    end
    say(mt.eom(conn))
    if mt.getreply(conn) ~= SMFIR_CONTINUE then error("not continued") end
    say(mt.disconnect(conn))
end

for _ = 1, sessions do play() end
