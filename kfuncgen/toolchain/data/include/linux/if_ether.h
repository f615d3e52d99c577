/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of kfuncgen, machine-made: stands in for the kernel's <linux/if_ether.h> where it is not installed. */
#ifndef __KFG_LINUX_IF_ETHER_H
#define __KFG_LINUX_IF_ETHER_H

#include <linux/types.h>

#define ETH_ALEN 6
#define ETH_TLEN 2
#define ETH_HLEN 14
#define ETH_ZLEN 60
#define ETH_DATA_LEN 1500
#define ETH_FRAME_LEN 1514
#define ETH_FCS_LEN 4
#define ETH_MIN_MTU 68
#define ETH_MAX_MTU 65535U
#define ETH_P_LOOP 96
#define ETH_P_PUP 0x200
#define ETH_P_PUPAT 513
#define ETH_P_TSN 8944
#define ETH_P_ERSPAN2 8939
#define ETH_P_IP 0x800
#define ETH_P_X25 2053
#define ETH_P_ARP 2054
#define ETH_P_BPQ 2303
#define ETH_P_IEEEPUP 2560
#define ETH_P_IEEEPUPAT 2561
#define ETH_P_BATMAN 17157
#define ETH_P_DEC 24576
#define ETH_P_DNA_DL 24577
#define ETH_P_DNA_RC 24578
#define ETH_P_DNA_RT 24579
#define ETH_P_LAT 24580
#define ETH_P_DIAG 24581
#define ETH_P_CUST 24582
#define ETH_P_SCA 24583
#define ETH_P_TEB 25944
#define ETH_P_RARP 32821
#define ETH_P_ATALK 32923
#define ETH_P_AARP 33011
#define ETH_P_8021Q 33024
#define ETH_P_ERSPAN 35006
#define ETH_P_IPX 33079
#define ETH_P_IPV6 34525
#define ETH_P_PAUSE 34824
#define ETH_P_SLOW 34825
#define ETH_P_WCCP 34878
#define ETH_P_MPLS_UC 34887
#define ETH_P_MPLS_MC 34888
#define ETH_P_ATMMPOA 34892
#define ETH_P_PPP_DISC 34915
#define ETH_P_PPP_SES 34916
#define ETH_P_LINK_CTL 34924
#define ETH_P_ATMFATE 34948
#define ETH_P_PAE 34958
#define ETH_P_PROFINET 34962
#define ETH_P_REALTEK 34969
#define ETH_P_AOE 34978
#define ETH_P_ETHERCAT 34980
#define ETH_P_8021AD 34984
#define ETH_P_802_EX1 34997
#define ETH_P_PREAUTH 35015
#define ETH_P_TIPC 35018
#define ETH_P_LLDP 35020
#define ETH_P_MRP 35043
#define ETH_P_MACSEC 35045
#define ETH_P_8021AH 35047
#define ETH_P_MVRP 35061
#define ETH_P_1588 35063
#define ETH_P_NCSI 35064
#define ETH_P_PRP 35067
#define ETH_P_CFM 35074
#define ETH_P_FCOE 35078
#define ETH_P_IBOE 35093
#define ETH_P_TDLS 35085
#define ETH_P_FIP 35092
#define ETH_P_80221 35095
#define ETH_P_HSR 35119
#define ETH_P_NSH 35151
#define ETH_P_LOOPBACK 36864
#define ETH_P_QINQ1 37120
#define ETH_P_QINQ2 37376
#define ETH_P_QINQ3 37632
#define ETH_P_EDSA 56026
#define ETH_P_DSA_8021Q 56027
#define ETH_P_DSA_A5PSW 57345
#define ETH_P_IFE 60734
#define ETH_P_AF_IUCV 64507
#define ETH_P_802_3_MIN 1536
#define ETH_P_802_3 1
#define ETH_P_AX25 2
#define ETH_P_ALL 3
#define ETH_P_802_2 4
#define ETH_P_SNAP 5
#define ETH_P_DDCMP 6
#define ETH_P_WAN_PPP 7
#define ETH_P_PPP_MP 8
#define ETH_P_LOCALTALK 9
#define ETH_P_CAN 12
#define ETH_P_CANFD 13
#define ETH_P_CANXL 14
#define ETH_P_PPPTALK 16
#define ETH_P_TR_802_2 17
#define ETH_P_MOBITEX 21
#define ETH_P_CONTROL 22
#define ETH_P_IRDA 23
#define ETH_P_ECONET 24
#define ETH_P_HDLC 25
#define ETH_P_ARCNET 26
#define ETH_P_DSA 27
#define ETH_P_TRAILER 28
#define ETH_P_PHONET 245
#define ETH_P_IEEE802154 246
#define ETH_P_CAIF 247
#define ETH_P_XDSA 248
#define ETH_P_MAP 249
#define ETH_P_MCTP 250
#define __UAPI_DEF_ETHHDR 1

struct ethhdr {
	unsigned char h_dest[6];
	unsigned char h_source[6];
	__be16 h_proto;
} __attribute__((packed));

#endif
