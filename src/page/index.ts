export { pageRoutes, type PageOptions } from './page-routes.js';
export { refuseOtherSites } from './other-sites.js';
