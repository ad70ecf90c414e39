-- Sample configuration: two vendor gateways, a route that prefers the first, one customer on this machine.
-- tools/run loads it into a new softswitch.db; change the rows to your own, or delete them.
-- Nothing listens at vendor-a, and at vendor-b only once you start it:
--     sipp -sf tools/sipp/gateway.xml -i 127.0.0.1 -p 5090 -d 1000

begin;

insert into gateway (name, host, port) values
	('vendor-a', '127.0.0.1', 5080),
	('vendor-b', '127.0.0.1', 5090);

-- Every number: vendor-a first, then vendor-b.
insert into route (prefix, gateway, priority) values
	('', 'vendor-a', 1),
	('', 'vendor-b', 2);

-- Calls from this machine are customer's; calls from anywhere else are refused.
insert into mapping_gateway (name, host) values ('customer', '127.0.0.1');

commit;
