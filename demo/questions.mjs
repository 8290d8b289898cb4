// What the demo asks: each question once as a request and once as SQL over the original file. Every order is
// total (or its ties are equal rows), so that rows can be compared one by one.
const iso = (column) => `strftime(${column}, '%Y-%m-%dT%H:%M:%SZ')`;

const search = (title, body, sql) => ({title, target: '/data/search', body, sql});
const aggregate = (title, body, sql) => ({title, target: '/data/aggregate', body, sql});

const flights = [
    aggregate('flights: rows, span, totals',
        {sources: ['flights'], aggregations: [
            {type: 'count', alias: 'n'},
            {type: 'min', column: 'date', alias: 'first'}, {type: 'max', column: 'date', alias: 'last'},
            {type: 'sum', column: 'distance', alias: 'distance'}, {type: 'avg', column: 'delay', alias: 'delay'},
            {type: 'min', column: 'delay', alias: 'least'}, {type: 'max', column: 'delay', alias: 'most'},
            {type: 'count_distinct', column: 'origin', alias: 'origins'}]},
        `SELECT count(*) n, ${iso('min(date)')} AS first, ${iso('max(date)')} AS last, sum(distance) distance,
            avg(delay) delay, min(delay) least, max(delay) most, count(DISTINCT origin) origins FROM flights`),
    aggregate('flights: delay by origin',
        {sources: ['flights'], filters: {distance: {gt: 500}}, group_by: ['origin'], order_by: ['origin'],
            aggregations: [{type: 'count', alias: 'n'}, {type: 'avg', column: 'delay', alias: 'mean'},
                {type: 'max', column: 'delay', alias: 'most'}]},
        `SELECT origin, count(*) n, avg(delay) mean, max(delay) most FROM flights WHERE distance > 500
            GROUP BY origin ORDER BY origin`),
    aggregate('flights: months',
        {sources: ['flights'], group_by: [{column: 'date', bucket: '1 month', alias: 'month'}], order_by: ['month'],
            aggregations: [{type: 'count', alias: 'n'}, {type: 'sum', column: 'delay', alias: 'delay'}]},
        `SELECT ${iso("date_trunc('month', date)")} AS month, count(*) n, sum(delay) delay FROM flights
            GROUP BY ALL ORDER BY month`),
    aggregate('flights: hours of one week',
        {sources: ['flights'], order_by: ['hour'],
            filters: {date: {gte: '2001-03-05T00:00:00Z', lt: '2001-03-12T00:00:00Z'}},
            group_by: [{column: 'date', bucket: '1h', alias: 'hour'}],
            aggregations: [{type: 'count', alias: 'n'}, {type: 'avg', column: 'distance', alias: 'distance'}]},
        `SELECT ${iso("date_trunc('hour', date)")} AS hour, count(*) n, avg(distance) distance FROM flights
            WHERE date >= '2001-03-05' AND date < '2001-03-12' GROUP BY ALL ORDER BY hour`),
    aggregate('flights: and, or, not',
        {sources: ['flights'], aggregations: [{type: 'count', alias: 'n'}, {type: 'sum', column: 'delay', alias: 's'}],
            filters: {or: [{origin: {in: ['SFO', 'OAK', 'SJC']}}, {and: [{destination: {prefix: 'L'}},
                {not: {delay: {between: [-10, 10]}}}]}], distance: {gte: 100}}},
        `SELECT count(*) n, sum(delay) s FROM flights WHERE distance >= 100 AND (origin IN ('SFO', 'OAK', 'SJC')
            OR (starts_with(destination, 'L') AND NOT delay BETWEEN -10 AND 10))`),
    search('flights: the latest arrivals',
        {sources: ['flights'], filters: {delay: {gt: 1000}}, limit: 50,
            order_by: [{column: 'delay', descending: true}, 'date', 'origin', 'destination']},
        `SELECT ${iso('date')} AS date, delay, distance, origin, destination FROM flights WHERE delay > 1000
            ORDER BY delay DESC, flights.date, origin, destination LIMIT 50`),
    search('flights: a page of one route',
        {sources: ['flights'], filters: {origin: {eq: 'SEA'}, destination: {eq: 'SFO'}}, columns: ['date', 'delay'],
            order_by: ['date', 'delay'], limit: 100, offset: 200},
        `SELECT ${iso('date')} AS date, delay FROM flights WHERE origin = 'SEA' AND destination = 'SFO'
            ORDER BY flights.date, delay LIMIT 100 OFFSET 200`),
];

const delays = [
    aggregate('delays: integers and floats',
        {sources: ['delays'], aggregations: [{type: 'count', alias: 'n'}, {type: 'sum', column: 'time', alias: 'time'},
            {type: 'avg', column: 'delay', alias: 'delay'}, {type: 'count_distinct', column: 'distance', alias: 'd'}]},
        'SELECT count(*) n, sum(time) AS time, avg(delay) delay, count(DISTINCT distance) d FROM delays'),
    search('delays: shortly before midnight',
        {sources: ['delays'], filters: {time: {between: [23.9, 24]}, delay: {gte: 60}}, limit: 500,
            order_by: ['time', 'delay', 'distance']},
        `SELECT delay, distance, time FROM delays WHERE time BETWEEN 23.9 AND 24 AND delay >= 60
            ORDER BY time, delay, distance LIMIT 500`),
];

const movies = [
    aggregate('movies: genres, no genre is one too',
        {sources: ['movies'], group_by: ['Major Genre'], order_by: ['Major Genre'], aggregations: [
            {type: 'count', alias: 'n'}, {type: 'avg', column: 'IMDB Rating', alias: 'rating'},
            {type: 'sum', column: 'Worldwide Gross', alias: 'gross'}]},
        `SELECT "Major Genre", count(*) n, avg("IMDB Rating") rating, sum("Worldwide Gross") gross FROM movies
            GROUP BY ALL ORDER BY "Major Genre" NULLS LAST`),
    search('movies: the best with many votes',
        {sources: ['movies'], filters: {'IMDB Votes': {gt: 100000}, 'IMDB Rating': {gte: 8}}, limit: 40,
            columns: ['Title', 'Director', 'IMDB Rating', 'IMDB Votes'],
            order_by: [{column: 'IMDB Rating', descending: true}, {column: 'IMDB Votes', descending: true}]},
        `SELECT "Title", "Director", "IMDB Rating", "IMDB Votes" FROM movies
            WHERE "IMDB Votes" > 100000 AND "IMDB Rating" >= 8
            ORDER BY "IMDB Rating" DESC, "IMDB Votes" DESC LIMIT 40`),
    search('movies: words in titles',
        {sources: ['movies'], columns: ['Title', 'US Gross'], order_by: ['Title', 'US Gross'], limit: 1000,
            filters: {Title: {ilike: '%star%'}, 'US Gross': {not_null: true}}},
        `SELECT "Title", "US Gross" FROM movies WHERE "Title" ILIKE '%star%' AND "US Gross" IS NOT NULL
            ORDER BY "Title", "US Gross" LIMIT 1000`),
    aggregate('movies: titles that are numbers',
        {sources: ['movies'], filters: {Title: {is_null: true}}, aggregations: [{type: 'count', alias: 'n'}]},
        'SELECT count(*) n FROM movies WHERE "Title" IS NULL'),
];

const quakes = [
    search('earthquakes: the strongest, nested',
        {sources: ['earthquakes'], filters: {'properties.mag': {gte: 5}}, limit: 200,
            columns: ['id', 'properties.mag', 'properties.place', 'geometry.type', 'geometry.coordinates'],
            order_by: [{column: 'properties.mag', descending: true}, 'id']},
        `SELECT f.id AS id, f.properties.mag AS "properties.mag", f.properties.place AS "properties.place",
            f.geometry.type AS "geometry.type", f.geometry.coordinates AS "geometry.coordinates" FROM quakes
            WHERE f.properties.mag >= 5 ORDER BY f.properties.mag DESC, id LIMIT 200`),
    aggregate('earthquakes: kinds of magnitude',
        {sources: ['earthquakes'], group_by: ['properties.magType'], order_by: ['properties.magType'], aggregations: [
            {type: 'count', alias: 'n'}, {type: 'avg', column: 'properties.mag', alias: 'mag'},
            {type: 'max', column: 'properties.sig', alias: 'sig'},
            {type: 'count', column: 'properties.felt', alias: 'felt'}]},
        `SELECT f.properties.magType AS "properties.magType", count(*) n, avg(f.properties.mag) mag,
            max(f.properties.sig) sig, count(f.properties.felt) felt FROM quakes GROUP BY 1 ORDER BY 1`),
];

const zipcodes = [
    aggregate('zipcodes: states and how far they reach',
        {sources: ['zipcodes'], group_by: ['state'], order_by: ['state'], aggregations: [
            {type: 'count', alias: 'n'}, {type: 'min', column: 'latitude', alias: 'south'},
            {type: 'max', column: 'latitude', alias: 'north'},
            {type: 'count_distinct', column: 'county', alias: 'counties'}]},
        `SELECT state, count(*) n, min(latitude) south, max(latitude) north, count(DISTINCT county) counties
            FROM zipcodes GROUP BY state ORDER BY state NULLS LAST`),
    search('zipcodes: leading zeros are kept',
        {sources: ['zipcodes'], filters: {zip_code: {prefix: '00'}}, order_by: ['zip_code'], limit: 1000},
        `SELECT zip_code, latitude, longitude, city, state, county FROM zipcodes WHERE starts_with(zip_code, '00')
            ORDER BY zip_code LIMIT 1000`),
    aggregate('two sources in one answer',
        {sources: ['movies', 'zipcodes'], aggregations: [{type: 'count', alias: 'n'},
            {type: 'count', column: 'Title', alias: 'titles'},
            {type: 'count_distinct', column: 'city', alias: 'cities'}]},
        `SELECT (SELECT count(*) FROM movies) + (SELECT count(*) FROM zipcodes) AS n,
            (SELECT count("Title") FROM movies) AS titles, (SELECT count(DISTINCT city) FROM zipcodes) AS cities`),
];

export const questions = [...flights, ...delays, ...movies, ...quakes, ...zipcodes];
