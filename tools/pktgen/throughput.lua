-- SPDX-License-Identifier: BSD-3-Clause
-- The highest rate without loss (RFC 2544, 26.1) through two gateways back to back, with pktgen-DPDK:
--
--     generator port 0 -> lan, gateway A, wan -> wan, gateway B, lan -> generator port 1
--
-- usage: pktgen -l 0-2 -n 4 -- -P -m "1.0,2.1" -f tools/pktgen/throughput.lua
--
-- Set what stands below first. The result is printed and written to throughput.txt; doc/performance.md has the method
-- and the gateways' configuration. IMIX goes through one tunnel only: pktgen has 16 entries for a sequence, and its
-- ranges vary no sizes by weight.

local gateway_mac = "02:00:00:00:01:00" -- of gateway A's lan
local source_mac = "02:00:00:00:00:01"
local source_ip = "192.168.115.1"
local tunnels = tonumber(os.getenv("TUNNELS") or 1) -- tunnel n leads to 10.64.0.0 + n; 1 to 65536
local seconds = tonumber(os.getenv("SECONDS") or 10)
local confirm_seconds = tonumber(os.getenv("CONFIRM") or 60)
local step_percent = 0.1 -- the search ends when the bounds are this close
local send, receive = "0", "1"

-- Ethernet header and checksum on top of an IP packet, as pktgen counts the size of a frame.
local FRAME = 18
local IMIX = { 64, 570, 64, 64, 570, 64, 1420, 64, 570, 64, 64, 570 }
local works = { { name = "64", ip = 64 }, { name = "imix", imix = true }, { name = "1420", ip = 1420 } }

local function address(n)
	return string.format("10.%d.%d.%d", 64 + n // 65536, n // 256 % 256, n % 256)
end

-- One size to all tunnels in turn.
local function set_range(ip_bytes)
	local frame = ip_bytes + FRAME
	pktgen.range.dst_mac(send, "start", gateway_mac)
	pktgen.range.src_mac(send, "start", source_mac)
	local function constant(set, value, none)
		set(send, "start", value)
		set(send, "inc", none)
		set(send, "min", value)
		set(send, "max", value)
	end
	constant(pktgen.range.src_ip, source_ip, "0.0.0.0")
	constant(pktgen.range.src_port, 1000, 0)
	constant(pktgen.range.dst_port, 2000, 0)
	constant(pktgen.range.pkt_size, frame, 0)
	pktgen.range.dst_ip(send, "start", address(0))
	pktgen.range.dst_ip(send, "inc", tunnels > 1 and "0.0.0.1" or "0.0.0.0")
	pktgen.range.dst_ip(send, "min", address(0))
	pktgen.range.dst_ip(send, "max", address(tunnels - 1))
	pktgen.set_proto(send, "udp")
	pktgen.set(send, "seq_cnt", 0)
	pktgen.set_range(send, "on")
end

-- A sequence of sizes into the first tunnel.
local function set_imix()
	pktgen.set_range(send, "off")
	for i, ip_bytes in ipairs(IMIX) do
		pktgen.seqTable(i - 1, send, {
			eth_dst_addr = gateway_mac,
			eth_src_addr = source_mac,
			ip_dst_addr = address(0),
			ip_src_addr = source_ip .. "/24",
			sport = 1000,
			dport = 2000,
			ethType = "ipv4",
			ipProto = "udp",
			vlanid = 1,
			pktSize = ip_bytes + FRAME,
		})
	end
	pktgen.set(send, "seq_cnt", #IMIX)
end

-- Sends at a rate for a while; returns how many packets went and how many did not arrive.
local function trial(percent, duration)
	pktgen.clr()
	pktgen.set(send, "rate", percent)
	pktgen.start(send)
	pktgen.delay(duration * 1000)
	pktgen.stop(send)
	pktgen.delay(2000) -- what is still under way
	local sent = pktgen.portStats(send, "port")[tonumber(send)].opackets
	local received = pktgen.portStats(receive, "port")[tonumber(receive)].ipackets
	return sent, sent - received
end

-- The highest rate found without loss, in percent of the line; then confirmed for longer, or lowered until it is.
local function search(say)
	local low, high = 0, 100
	local sent, lost
	local percent = 100
	while low < 100 and high - low > step_percent do
		sent, lost = trial(percent, seconds)
		say(string.format("  %7.3f %%: sent %d, lost %d", percent, sent, lost))
		if sent > 0 and lost <= 0 then
			low = percent
		else
			high = percent
		end
		percent = (low + high) / 2
	end
	while low > 0 do
		sent, lost = trial(low, confirm_seconds)
		say(string.format("  %7.3f %% for %d s: sent %d, lost %d", low, confirm_seconds, sent, lost))
		if sent > 0 and lost <= 0 then
			return low, sent / confirm_seconds / 1e6
		end
		low = low - step_percent
	end
	return 0, 0
end

local function main()
	local out = assert(io.open("throughput.txt", "a"))
	local function say(line)
		print(line)
		out:write(line, "\n")
		out:flush()
	end
	pktgen.set(send, "count", 0)
	for _, work in ipairs(works) do
		if work.imix then
			set_imix()
		else
			set_range(work.ip)
		end
		say(string.format("IP packets of %s bytes, %d tunnels", work.name, work.imix and 1 or tunnels))
		local percent, mpps = search(say)
		say(string.format("%s: %.3f %% of the line, %.3f Mpps without loss", work.name, percent, mpps))
	end
	out:close()
end

main()
