# shellcheck shell=bash
# The stock host put right: every socket is where Postfix's chroot has it, open to Postfix.
queue=/var/spool/postfix

# milter-greylist gives its socket to its own group, wherever it is; Postfix joins that.
install -d -o greylist -g greylist -m 750 "$queue/milter-greylist"
usermod --append --groups greylist postfix
sed -i "s|^socket .*|socket \"$queue/milter-greylist/milter-greylist.sock\" 660|" \
  /etc/milter-greylist/greylist.conf

# In a folder with the group bit set, a socket gets the folder's group.
install -d -o opendkim -g postfix -m 2750 "$queue/opendkim"
install -d -o opendkim -g opendkim -m 750 /etc/dkimkeys/example.test
opendkim-genkey --directory=/etc/dkimkeys/example.test --domain=example.test --selector=mail
chown -R opendkim:opendkim /etc/dkimkeys/example.test
sed -i "s|^Socket.*|Socket local:$queue/opendkim/opendkim.sock|" /etc/opendkim.conf
cat >>/etc/opendkim.conf <<'TEXT'
Domain example.test
Selector mail
KeyFile /etc/dkimkeys/example.test/mail.private
TEXT

install -d -o clamav -g postfix -m 2750 "$queue/clamav"
sed -i \
  -e "s|^MilterSocket .*|MilterSocket $queue/clamav/clamav-milter.ctl|" \
  -e 's|^MilterSocketGroup .*|MilterSocketGroup postfix|' \
  -e 's|^MilterSocketMode .*|MilterSocketMode 660|' \
  -e 's|^OnInfected .*|OnInfected Reject|' \
  /etc/clamav/clamav-milter.conf

sed -i 's|^OPTIONS=.*|OPTIONS="-u spamass-milter -i 127.0.0.1 -m -r 15"|' /etc/default/spamass-milter
sed -i 's|^OPTIONS="|&--local |' /etc/default/spamd

postconf -e \
  'smtpd_milters = unix:milter-greylist/milter-greylist.sock, unix:opendkim/opendkim.sock, unix:clamav/clamav-milter.ctl, unix:spamass/spamass.sock' \
  'milter_default_action = tempfail' \
  'smtpd_sasl_type = dovecot' \
  'smtpd_sasl_path = private/auth' \
  'mailbox_transport = lmtp:unix:private/dovecot-lmtp'
postconf -M 'submission/inet=submission inet n - y - - smtpd'
postconf -P \
  submission/inet/syslog_name=postfix/submission \
  submission/inet/smtpd_tls_security_level=encrypt \
  submission/inet/smtpd_sasl_auth_enable=yes \
  submission/inet/smtpd_recipient_restrictions=permit_sasl_authenticated,reject

# Dovecot's sockets are here, and Dovecot may start first.
install -d -o postfix -g root -m 700 "$queue/private"

useradd --create-home --shell /usr/sbin/nologin alice
echo 'alice:correct horse' | chpasswd
touch --reference=/usr /etc/.updated /var/.updated
