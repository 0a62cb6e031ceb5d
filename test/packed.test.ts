// One file, and so one process, for all that needs the package installed: it is packed and installed once.
import './packed/contents.js';
import './packed/types.js';
