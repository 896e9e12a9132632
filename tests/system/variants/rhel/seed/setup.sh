# shellcheck shell=bash
# The steps of "Install Milter Manager on CentOS 7", in their order. Left out is what is done by a
# network (freshclam's first run, for which a signature of the EICAR test file stands) and the
# advice to disable modules of SELinux. What the steps end with: Postfix can't open the socket.

# spamd
sed -i 's|^rewrite_header Subject .*|# &|' /etc/mail/spamassassin/local.cf
printf 'remove_header ham Status\nremove_header ham Level\n' >>/etc/mail/spamassassin/local.cf
sed -i 's|-d -c|--local -d -c|' /etc/sysconfig/spamassassin # a machine has no network
systemctl enable --quiet spamassassin

# spamass-milter
sed -i 's|^#EXTRA_FLAGS|EXTRA_FLAGS|' /etc/sysconfig/spamass-milter
systemctl enable --quiet spamass-milter

# freshclam, clamd and clamav-milter
sed -i \
  -e 's|^Example|#Example|' -e 's|^#LogFacility .*|LogFacility LOG_MAIL|' \
  -e 's|^#NotifyClamd .*|NotifyClamd /etc/clamd.d/scan.conf|' \
  /etc/freshclam.conf
sed -i \
  -e 's|^Example|#Example|' -e 's|^#LogFacility .*|LogFacility LOG_MAIL|' \
  -e 's|^#LocalSocket /|LocalSocket /|' \
  /etc/clamd.d/scan.conf
systemctl enable --quiet clamd@scan
sed -i \
  -e 's|^Example|#Example|' -e 's|^#LogFacility .*|LogFacility LOG_MAIL|' \
  -e 's|^#MilterSocket /|MilterSocket /|' -e 's|^#MilterSocketMode .*|MilterSocketMode 660|' \
  -e 's|^#ClamdSocket .*|ClamdSocket unix:/run/clamd.scan/clamd.sock|' \
  /etc/mail/clamav-milter.conf
usermod -G clamscan -a clamilt
systemctl enable --quiet clamav-milter

# milter-greylist
sed -i 's|^socket .*|& 660|' /etc/mail/greylist.conf
sed -i '/^racl whitelist default/d' /etc/mail/greylist.conf
cat >>/etc/mail/greylist.conf <<'TEXT'
subnetmatch /24
greylist 10m
autowhite 1w
sm_macro "trusted_domain" "{trusted_domain}" "yes"
racl whitelist sm_macro "trusted_domain" spf pass
racl greylist sm_macro "trusted_domain" not spf pass
racl greylist default
TEXT
systemctl enable --quiet milter-greylist

# milter-manager
usermod -G clamilt -a milter-manager
usermod -G mail -a milter-manager
usermod -G grmilter -a milter-manager
usermod -G postfix -a milter-manager
systemctl enable --quiet milter-manager

# Postfix
systemctl enable --quiet postfix
cat >>/etc/postfix/main.cf <<'TEXT'

milter_protocol = 6
milter_default_action = accept
milter_mail_macros = {auth_author} {auth_type} {auth_authen}
smtpd_milters = unix:/var/run/milter-manager/milter-manager.sock
TEXT
touch --reference=/usr /etc/.updated /var/.updated
