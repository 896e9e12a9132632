# shellcheck shell=bash
# RHEL's layout over Debian's packages. What Debian has elsewhere, or calls otherwise, goes.

mkdir --parents /etc/clamd.d
# A daemon that is asked to end amid its start may not hear it, as spamd: 90 s would be waited.
mkdir --parents /etc/systemd/system.conf.d
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' >/etc/systemd/system.conf.d/patience.conf
# The samples are ClamAV's own; the packages of Fedora and EPEL change these lines.
sample() { gzip --decompress --force --stdout "/usr/share/doc/$1.sample"*; }
sample clamav-daemon/examples/clamd.conf | sed \
  -e 's|^#LogSyslog .*|LogSyslog yes|' -e 's|^#User .*|User clamscan|' \
  -e 's|^#LocalSocket /run/.*|#LocalSocket /run/clamd.scan/clamd.sock|' -e '/^#LocalSocket \/tmp/d' \
  >/etc/clamd.d/scan.conf
sample clamav-milter/examples/clamav-milter.conf | sed \
  -e 's|^#LogSyslog .*|LogSyslog yes|' -e 's|^#User .*|User clamilt|' -e '/^ClamdSocket /d' \
  -e 's|^#MilterSocket /run/.*|#MilterSocket /run/clamav-milter/clamav-milter.socket|' \
  -e '/^#MilterSocket \/tmp/d' \
  >/etc/mail/clamav-milter.conf
sample clamav-freshclam/examples/freshclam.conf | sed \
  -e 's|^#LogSyslog .*|LogSyslog yes|' -e 's|^#DatabaseOwner .*|DatabaseOwner clamupdate|' \
  >/etc/freshclam.conf

systemctl disable --quiet clamav-daemon.service clamav-daemon.socket milter-greylist.service \
  opendkim.service postfix.service spamd.service
for name in clamav-daemon clamav-freshclam clamav-milter milter-greylist opendkim postfix \
  spamass-milter spamd; do
  update-rc.d -f "$name" remove
  rm "/etc/init.d/$name"
done
rm -r /etc/clamav /etc/milter-greylist /etc/opendkim* /etc/dkimkeys /etc/rsyslog.d/postfix.conf \
  /etc/default/{milter-greylist,opendkim,spamass-milter,spamd} \
  /etc/systemd/system/clamav-daemon.* \
  /usr/lib/systemd/system/{clamav-{clamonacc,daemon,freshclam,freshclam-once},opendkim,spamd}.service \
  /usr/lib/systemd/system/clamav-daemon.socket /usr/lib/systemd/system/clamav-freshclam-once.timer \
  /usr/lib/systemd/system/postfix@.service /usr/lib/tmpfiles.d/milter-greylist.conf \
  /etc/debian_version /usr/bin/apt* /usr/sbin/opendkim
# Its place is taken by a script that knows the option -g, which EPEL's spamass-milter has.
mv /usr/sbin/spamass-milter /usr/libexec/spamass-milter
mv /usr/sbin/spamass-milter-with-group /usr/sbin/spamass-milter

rules=/etc/mail/spamassassin
rm "$rules"
mv /etc/spamassassin "$rules"
sed -i 's|^# rewrite_header Subject .*|rewrite_header Subject [SPAM]|' "$rules/local.cf"
echo 'required_hits 5' >>"$rules/local.cf"

for user in greylist spamass-milter opendkim clamav debian-spamd; do
  userdel "$user"
done
for user in clamscan clamilt clamupdate grmilter sa-milt milter-manager; do
  useradd --system --user-group --home-dir / --shell /sbin/nologin "$user"
done
usermod --append --groups postfix --home /var/lib/spamass-milter sa-milt
usermod --append --groups mail --home /var/lib/milter-greylist grmilter
install -d -o clamupdate -g clamupdate /var/lib/clamav
install -d -o grmilter -g grmilter -m 750 /var/lib/milter-greylist /var/lib/milter-greylist/db
install -d -o sa-milt -g sa-milt -m 750 /var/lib/spamass-milter
rm -f /var/log/mail.log
: >/var/log/maillog
chmod 600 /var/log/maillog

echo mail.example.test >/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 mail.example.test mail\n' >/etc/hosts
: >/etc/resolv.conf # a machine has no network, and shall not wait for a name server
hostname mail.example.test
rm -f /etc/mailname

# Postfix as Fedora builds it runs nothing in a chroot.
postconf -F '*/*/chroot=n'
# shellcheck disable=SC2016 # $myhostname is Postfix's
postconf -e \
  'myhostname = mail.example.test' \
  'mydestination = $myhostname, example.test, localhost.example.test, localhost' \
  'smtpd_banner = $myhostname ESMTP $mail_name'

useradd --create-home --shell /bin/bash operator1
useradd --create-home --shell /bin/bash operator2
echo 'operator2 ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/operator2
chmod 440 /etc/sudoers.d/operator2
useradd --create-home --shell /usr/sbin/nologin alice
echo 'alice:correct horse' | chpasswd

journalctl --update-catalog
ldconfig -X
touch --reference=/usr /etc/.updated /var/.updated
