/** The contracts of each deployment by chain id. Empty: nothing is deployed for use. */
export declare const addresses: {  };
