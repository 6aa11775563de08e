#!/usr/bin/perl
# dh --with slackd-plugin
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

insert_before('dh_installdeb', 'dh_slackd_plugin');

1;
