# shellcheck shell=bash
# A mail host as Debian installs it, with its milters named to Postfix by the paths they are found
# at. So its faults are Debian's own: smtpd runs in a chroot, where these paths do not exist;
# milter-greylist's socket is closed to Postfix; clamd has no signatures and does not start.
echo mail.example.test | tee /etc/mailname >/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 mail.example.test mail\n' >/etc/hosts
# A daemon that is asked to end amid its start may not hear it, as spamd: 90 s would be waited.
mkdir --parents /etc/systemd/system.conf.d
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' >/etc/systemd/system.conf.d/patience.conf
: >/etc/resolv.conf # a machine has no network, and shall not wait for a name server
hostname mail.example.test
make-ssl-cert generate-default-snakeoil --force-overwrite

# shellcheck disable=SC2016 # $myhostname is Postfix's
postconf -e \
  'myhostname = mail.example.test' \
  'mydestination = $myhostname, example.test, localhost.example.test, localhost' \
  'smtpd_milters = unix:/run/milter-greylist/milter-greylist.sock, unix:/run/opendkim/opendkim.sock, unix:/run/clamav/clamav-milter.ctl, unix:spamass/spamass.sock'

useradd --create-home --shell /bin/bash operator1
useradd --create-home --shell /bin/bash operator2
echo 'operator2 ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/operator2
chmod 440 /etc/sudoers.d/operator2

# systemd would do these again at the first boot of every copy: such as ldconfig.
journalctl --update-catalog
ldconfig -X
touch --reference=/usr /etc/.updated /var/.updated
